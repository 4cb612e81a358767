// States as agents have them, made from a seed.

export interface Message {
  readonly id: string
  readonly role: string
  readonly content: string
  readonly meta: { readonly tokens: number; readonly ok: boolean }
}

export interface AgentState {
  readonly version: number
  readonly messages: Message[]
  readonly tools: Record<string, unknown>
}

export class StateMaker {
  #seed: number
  #count = 0
  readonly #words: string[]

  constructor(seed: number) {
    this.#seed = seed
    this.#words = Array.from({ length: 500 }, () => Math.floor(this.random() * 1e9).toString(36))
  }

  random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) | 0
    return (this.#seed >>> 0) / 2 ** 32
  }

  text(length: number): string {
    let text = ''
    while (text.length < length) text += `${this.#words[Math.floor(this.random() * this.#words.length)]} `
    return text
  }

  message(): Message {
    const count = this.#count++
    const content = this.text(100 + this.random() * 1200)
    return { id: `m${count}`, role: count % 2 === 0 ? 'user' : 'agent', content, meta: { tokens: count * 3, ok: true } }
  }

  messages(count: number): Message[] {
    return Array.from({ length: count }, () => this.message())
  }

  /** Of so many bytes as JSON, and less than a message more. */
  state(bytes: number): AgentState {
    const messages: Message[] = []
    for (let sum = 0; sum < bytes; ) {
      const message = this.message()
      sum += JSON.stringify(message).length + 1
      messages.push(message)
    }
    return { version: 1, messages, tools: { search: { limit: 3 }, open: [1, 2, 3] } }
  }
}
