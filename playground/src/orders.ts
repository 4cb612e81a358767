// What goes through the queue.

export interface Order {
  readonly customer: string
  readonly item: string
  /** Which tab appended it, so that two of them can be told apart. */
  readonly tab: string
}

const CUSTOMERS = 'ada bo chidi dana eli fatou gus hana ines jun kofi lena mira nils oya pia quin rosa sven tara uma vik wen yara'.split(
  ' ',
)
const ITEMS = ['book', 'lamp', 'kettle', 'atlas', 'pencil', 'globe', 'clock', 'chair']

export const TAB = crypto.getRandomValues(new Uint16Array(1))[0]!.toString(16).padStart(4, '0')

export function orderOf(customer: string, item: string): Order {
  return { customer: customer === '' ? pick(CUSTOMERS) : customer, item, tab: TAB }
}

export function randomOrders(howMany: number): Order[] {
  return Array.from({ length: howMany }, () => orderOf('', pick(ITEMS)))
}

function pick(from: readonly string[]): string {
  return from[Math.floor(Math.random() * from.length)] as string
}
