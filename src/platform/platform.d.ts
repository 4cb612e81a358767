// What `#platform` must export. One file a runtime in this folder; package.json chooses.

/** The backend that `openStore(name)` uses in this runtime. Throws `invalid`, with the line to write, where there is none. */
export declare function defaultBackend(name: string, options: { readonly directory?: string }): import('../core/ports/backend.js').Backend

/** Deletes the store that `openStore(name)` would open. */
export declare function destroyDefault(name: string, options: { readonly directory?: string }): Promise<void>
