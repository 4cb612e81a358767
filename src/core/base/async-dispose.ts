/** The name of the method that `await using` calls; where the runtime has none yet, one that nobody calls. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? /* @__PURE__ */ Symbol('asyncDispose')
