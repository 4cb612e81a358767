// Colours on a terminal only, and not where the user wants none (https://no-color.org).

export type Colour = 'red' | 'green' | 'dim'

const CODES: Readonly<Record<Colour, number>> = { red: 31, green: 32, dim: 2 }

export function isColoured(): boolean {
  const { NO_COLOR: none = '' } = process.env
  return process.stdout.isTTY && none === ''
}

export function coloured(text: string, colour: Colour): string {
  return isColoured() ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
}
