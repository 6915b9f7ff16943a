// The templates as they are. A change of them is seen here; where it is meant: npx vitest run -u

import { resolve } from 'node:path';

import { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';

import { appWith, kEverything, stacksOf } from './made';

const app = appWith(kEverything);
const stacks = stacksOf(app);
const application = stacks.find((stack) => stack.templateOptions.description?.includes('function'))!.stackName;

/** The application stack's name stands in the configuration alone; hashes of packages change with every build. */
function normal(template: Template): string {
  const text = JSON.stringify(template.toJSON(), null, 1);
  return `${text.replaceAll(application, 'ApplicationStack').replace(/\b[0-9a-f]{64}\b(?!")/g, 'HASH')}\n`;
}

test.each(stacks.map((stack) => [stack.stackName.replace(application, 'ApplicationStack'), stack] as const))('%s', async (name, stack) => {
  await expect(normal(Template.fromStack(stack))).toMatchFileSnapshot(resolve(__dirname, 'snapshots', `${name}.json`));
});
