// The first synth of a file takes longer than the five seconds that vitest gives a test.
export default { test: { testTimeout: 120_000, hookTimeout: 120_000 } };
