import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['*.test.ts', 'vendors/*.test.ts'],
    globalSetup: './global_setup.ts',
    pool: 'forks',
    poolOptions: { forks: { maxForks: 2 } }, // each file runs a server of its own
    maxConcurrency: 16, // of the scenarios of a vendor, which mostly wait
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 5_000,
  },
});
