// cdk-nag closes the gate: nothing is written out that breaks a rule without a reason.

import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { expect, test } from 'vitest';

import { appWith, kEverything, stacksOf } from './made';

test('all stacks pass', () => {
  expect(appWith(kEverything).synth().stacks.map((stack) => stack.stackName)).toHaveLength(5);
});

test('a stack that breaks a rule does not', () => {
  const app = appWith();
  new CfnBucket(stacksOf(app)[0]!, 'Open');
  expect(() => app.synth()).toThrow(/AwsSolutions-S10/);
});
