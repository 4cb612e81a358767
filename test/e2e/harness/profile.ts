// A browser with a profile of its own on disk, that can be killed and started again.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, expect } from '@playwright/test'
import { launchOptions } from '../../../playwright.config.js'

export class Profile {
  readonly #folder: string
  #context: BrowserContext | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async make(): Promise<Profile> {
    return new Profile(await mkdtemp(join(tmpdir(), 'varve-profile-')))
  }

  async start(): Promise<BrowserContext> {
    const baseURL = `http://127.0.0.1:${process.env.VARVE_E2E_PORT}`
    this.#context = await chromium.launchPersistentContext(this.#folder, { ...launchOptions, baseURL })
    return this.#context
  }

  /** SIGKILL to the browser process; resolves when all its children are gone too. */
  async kill(): Promise<void> {
    for (const { pid, command } of this.#processes()) if (!command.includes('--type=')) process.kill(pid, 'SIGKILL')
    await expect.poll(() => this.#processes().length, { timeout: 20_000 }).toBe(0)
    await this.#context?.close().catch(() => {})
  }

  async remove(): Promise<void> {
    await this.#context?.close().catch(() => {})
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  #processes(): readonly { readonly pid: number; readonly command: string }[] {
    return allProcesses().filter(({ command }) => command.includes(`--user-data-dir=${this.#folder}`))
  }
}

function allProcesses(): readonly { readonly pid: number; readonly command: string }[] {
  if (existsSync('/proc/self/cmdline')) {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({ pid: Number(name), command: commandOf(name) }))
  }
  const lines = execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8' }).split('\n')
  return lines.map((line) => ({ pid: Number.parseInt(line, 10), command: line }))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
