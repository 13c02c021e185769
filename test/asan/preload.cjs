const { registerHooks } = require("node:module");

// Compilers and other children of a test are none of the sanitizer's business.
delete process.env.LD_PRELOAD;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return { ...found, url: found.url.replace(/(\/build\/linux-\w+)(\/sightline\.node)$/, "$1-asan$2") };
  },
});
