// Elements are made here and only here; what users or the store put in becomes text, never markup.

type Child = Node | string

interface Properties {
  readonly class?: string
  readonly text?: string
  readonly title?: string
  readonly data?: Readonly<Record<string, string>>
  readonly attributes?: Readonly<Record<string, string>>
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  if (properties.class !== undefined) made.className = properties.class
  if (properties.text !== undefined) made.textContent = properties.text
  if (properties.title !== undefined) made.title = properties.title
  for (const [name, value] of Object.entries(properties.data ?? {})) made.dataset[name] = value
  for (const [name, value] of Object.entries(properties.attributes ?? {})) made.setAttribute(name, value)
  made.append(...children)
  return made
}

export function button(text: string, label: string, press: () => unknown): HTMLButtonElement {
  const made = element('button', { text, attributes: { type: 'button', 'aria-label': label } })
  made.addEventListener('click', press)
  return made
}

/** The element of the page with this id; the page and the scripts are written together, so a missing one is a mistake. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element with id ${id}`)
  return found as Kind
}
