// Failures are shown on the page, with their code, and stay until somebody closes them.

import { isStorageError } from 'varve'
import { button, byId, element } from './dom.js'

const MOST = 4

export function showError(error: unknown): void {
  const box = byId('errors')
  const code = isStorageError(error) ? error.code : 'error'
  const message = error instanceof Error ? error.message : String(error)
  const line = element('p', {}, element('strong', { text: code }), element('span', { text: message }))
  line.append(
    button('Close', 'Close this message', () => {
      line.remove()
      box.hidden = box.childElementCount === 0
    }),
  )
  const same = [...box.children].find((other) => other.textContent === line.textContent)
  same?.remove()
  box.append(line)
  while (box.childElementCount > MOST) box.firstElementChild?.remove()
  box.hidden = false
}

/** Runs it and shows what goes wrong. */
export function run(work: () => Promise<unknown>): void {
  work().catch(showError)
}

/** While the work runs the button cannot be pressed again. */
export function onPress(pressed: HTMLButtonElement, work: () => Promise<unknown>): void {
  pressed.addEventListener('click', () => run(() => whileBusy(pressed, work)))
}

/** The same for a form's submit button. */
export function onSubmit(form: HTMLFormElement, work: (data: FormData) => Promise<unknown>): void {
  const submit = form.querySelector<HTMLButtonElement>('button[type=submit]')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const data = new FormData(form)
    run(() => whileBusy(submit, () => work(data)))
  })
}

/** Not `disabled`, because that would take the focus away from people who use the keyboard. */
async function whileBusy(pressed: HTMLButtonElement | null, work: () => Promise<unknown>): Promise<void> {
  if (pressed?.getAttribute('aria-disabled') === 'true') return
  pressed?.setAttribute('aria-disabled', 'true')
  try {
    await work()
  } finally {
    pressed?.removeAttribute('aria-disabled')
  }
}
