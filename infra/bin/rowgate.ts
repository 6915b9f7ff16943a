// What the CDK runs: the stacks of lib/app.ts.

import { buildApp } from '../lib/app';
import { ConfigError } from '../lib/config/problems';
import { PackageError } from '../lib/function_package';

try {
  buildApp().synth();
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof PackageError)) throw error;
  console.error(error.message);
  process.exit(1); // the library would go on to write out what there is
}
