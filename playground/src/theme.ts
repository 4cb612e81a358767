// Light, dark, or what the system says. The choice is a matter of this browser, so it is kept beside the store, not in it.

const KEY = 'varve-playground-theme'
const CHOICES = ['auto', 'light', 'dark']

export function startThemes(): void {
  const buttons = [...document.querySelectorAll<HTMLButtonElement>('button[data-theme]')]
  const choose = (choice: string): void => {
    if (choice === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = choice
    for (const each of buttons) each.setAttribute('aria-pressed', String(each.dataset.theme === choice))
  }
  for (const each of buttons) {
    each.addEventListener('click', () => {
      const choice = each.dataset.theme ?? 'auto'
      choose(choice)
      remember(choice)
    })
  }
  choose(remembered())
}

/** Browsers that forbid storage throw here; the page then follows the system. */
function remembered(): string {
  try {
    const choice = localStorage.getItem(KEY) ?? 'auto'
    return CHOICES.includes(choice) ? choice : 'auto'
  } catch {
    return 'auto'
  }
}

function remember(choice: string): void {
  try {
    localStorage.setItem(KEY, choice)
  } catch {
    // Forbidden: the choice holds until the page is left.
  }
}
