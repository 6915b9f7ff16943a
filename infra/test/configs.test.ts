import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { execFileSync } from 'node:child_process';

import { App, Stack } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';

import { buildApp } from '../lib/app';
import { Configs } from '../lib/config/configs';
import { nearest } from '../lib/config/nearest';
import { ConfiguredStack } from '../lib/configured_stack';
import { appWith, configsWith, folder, kConfigs, kStandIn, stacksOf } from './made';
import type { Change } from './made';

/** The error text of the app of a changed configuration, without the folder of the file. */
function errorWith(...changes: Change[]): string {
  const config = configsWith(changes);
  try {
    buildApp({ outdir: folder(), context: { config, package: kStandIn } });
  } catch (error) {
    return (error as Error).message.replaceAll(config, 'configs.yaml');
  }
  return 'no error';
}

/** The line on which `text` stands in configs.yaml. */
function lineOf(text: string): number {
  const lines = readFileSync(kConfigs, 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
}

const kApplication = stacksOf(appWith()).find((stack) => stack.templateOptions.description?.includes('function'))!.stackName;

describe('a mistake in configs.yaml is told with its line and the nearest right name', () => {
  const account = lineOf('Account:');
  const rds = lineOf('  RdsStack:');
  const cases: [string, Change[], string][] = [
    [
      'a section of a stack with a wrong name',
      [['  RdsStack:', '  RsdStack:']],
      `configs.yaml:${rds}:3: the stack RdsStack has no section in \`Stacks\` (is \`RsdStack\` meant to be it?)`,
    ],
    [
      'no section for a stack',
      [['  NetworkingStack:', '  Elsewhere:']],
      `configs.yaml:${lineOf('Stacks:')}:1: the stack NetworkingStack has no section in \`Stacks\` (add a section \`NetworkingStack\`)`,
    ],
    [
      'a section that belongs to no stack',
      [['  RdsStack:', '  RdsStak: {}\n  RdsStack:']],
      `configs.yaml:${rds}:3: there is no stack \`RdsStak\` (did you mean \`RdsStack\`?)`,
    ],
    [
      'a part with a wrong name',
      [['Environment:', 'Enviroment:']],
      `configs.yaml:${lineOf('Environment:')}:1: there is no part \`Enviroment\` (did you mean \`Environment\`?)`,
    ],
    [
      'an unknown key beside the one that is missing',
      [['memory_size: 1024 # MB\n      storage', 'memorysize: 1024 # MB\n      storage']],
      `configs.yaml:${lineOf('memory_size: 1024')}:7: \`Stacks.${kApplication}.Lambda\` has no setting \`memorysize\` (did you mean \`memory_size\`?)`,
    ],
    [
      'an unknown key far from all others',
      [['    max_azs: 2', '    colour: red\n    max_azs: 2']],
      `configs.yaml:${lineOf('max_azs')}:5: \`Stacks.NetworkingStack\` has no setting \`colour\` (it has cidr, max_azs, nat, interface_endpoints, flow_log_days)`,
    ],
    [
      'a missing key',
      [['    max_azs: 2 # a public and a private /24 in each\n', '']],
      `configs.yaml:${lineOf('  NetworkingStack:')}:3: \`max_azs\` is missing in \`Stacks.NetworkingStack\``,
    ],
    [
      'a text where a number belongs',
      [['timeout: 300', 'timeout: five minutes']],
      `configs.yaml:${lineOf('timeout:')}:16: \`timeout\` must be a whole number, not the text \`five minutes\``,
    ],
    [
      'a number where a text belongs',
      [['Account: "111111111111"', 'Account: 111111111111']],
      `configs.yaml:${account}:12: \`Account\` must be a text, not the number \`111111111111\` (write it in quotes)`,
    ],
    [
      'a text of another form',
      [['Account: "111111111111"', 'Account: "1111"']],
      `configs.yaml:${account}:12: \`Account\` cannot be \`1111\` (for example "111111111111", twelve digits in quotes)`,
    ],
    [
      'a number out of its range',
      [['presigned_url_expiration_hours: 24', 'presigned_url_expiration_hours: 200']],
      `configs.yaml:${lineOf('presigned_url')}:39: \`presigned_url_expiration_hours\` must be from 1 to 168, not 200`,
    ],
    [
      'a word that is none of the choices',
      [['nat: none', 'nat: per_zone']],
      `configs.yaml:${lineOf('nat:')}:10: \`nat\` must be one of none, one, per_az, not the text \`per_zone\``,
    ],
    [
      'a word of a list that is nearly one of the choices',
      [['[secretsmanager, glue, logs]', '[secretmanager, glue, logs]']],
      `configs.yaml:${lineOf('interface_endpoints')}:27: each of \`interface_endpoints\` must be one of secretsmanager, glue, logs, not the text \`secretmanager\` (did you mean \`secretsmanager\`?)`,
    ],
    [
      'a text where a section belongs',
      [['    Alarms:\n      email: null', '    Alarms: operators@example.org']],
      `configs.yaml:${lineOf('    Alarms:')}:13: \`Stacks.${kApplication}.Alarms\` must be a section, not the text \`operators@example.org\``,
    ],
    [
      'a text where a list belongs',
      [['stages: [dev, staging, qa]', 'stages: dev']],
      `configs.yaml:${lineOf('stages:')}:15: \`stages\` must be a list, not the text \`dev\` (for example [dev])`,
    ],
    [
      'two names for one secret',
      [['secret_name: *database_secret', 'secret_name: rowgate/prod/database']],
      `configs.yaml:${lineOf('*database_secret')}:20: \`secret_name\` is \`rowgate/prod/database\`, but the secret of the database is \`rowgate/dev/database\` (name the same one)`,
    ],
    [
      'an image without its name',
      [['package: zip', 'package: image']],
      `configs.yaml:${lineOf('package: zip')}:16: \`package: image\` needs \`image_repository\` and \`image_tag\``,
    ],
    [
      'names that are too long for a bucket',
      [['ProjectName: rowgate', 'ProjectName: rowgate-of-the-people-operations']],
      `configs.yaml:${lineOf('ProjectName: rowgate')}:16: \`ProjectName-Name-\` has 37 characters (names of buckets leave it 30)`,
    ],
    [
      'a key that stands twice',
      [['    max_azs: 2', '    cidr: 10.1.0.0/16\n    max_azs: 2']],
      `configs.yaml:${lineOf('max_azs')}:5: Map keys must be unique`,
    ],
    [
      'no YAML at all',
      [['Tags:', 'Tags: {']],
      'configs.yaml:',
    ],
    [
      'a tag that AWS keeps for itself',
      [['  Department:', '  aws:department:']],
      `configs.yaml:${lineOf('Department')}:19: \`aws:department\` cannot be the key of a tag (for example CostCenter)`,
    ],
  ];
  test.each(cases)('%s', (_name, changes, expected) => {
    const error = errorWith(...changes);
    if (expected.endsWith(':')) expect(error).toMatch(/^configs\.yaml:\d+:\d+: /);
    else expect(error.split('\n')).toContain(expected);
  });
});

test('a stack that is not made is read all the same', () => {
  expect(errorWith(['cpu: 512', 'cpu: 500'])).toContain('`cpu` must be one of 256, 512, 1024, 2048, 4096, not the number `500`');
});

test('all mistakes are told at once, in the order of the file', () => {
  const error = errorWith(['max_azs: 2', 'max_azs: 9'], ['flow_log_days: 30', 'flow_log_days: 31'], ['nat: none', 'nat: all']);
  expect(error.split('\n').map((line) => line.split(': ')[1]?.split(' ')[0])).toEqual(['`max_azs`', '`nat`', '`flow_log_days`']);
});

test('a file that is not there is told', () => {
  expect(() => new Configs('nowhere.yaml')).toThrow(/^nowhere\.yaml:1:1: cannot be read: ENOENT.* \(name another file with -c config=FILE\)$/);
});

test('a stack added to the app finds its section by its name', () => {
  class Thing extends ConfiguredStack {
    readonly colour = this.settings((section) => section.text('colour'));
  }
  const path = join(folder(), 'configs.yaml');
  const parts = readFileSync(kConfigs, 'utf8').split('\nStacks:')[0]!;
  writeFileSync(path, `${parts}\nStacks:\n  ThingStack:\n    colour: red\n`);
  const app = new App();
  new Configs(path).attach(app);
  const stack = new Thing(app, 'ThingStack', 'a thing');
  expect(stack.colour).toBe('red');
  expect([stack.account, stack.region]).toEqual(['111111111111', 'us-east-1']);
  expect(stack.named('x')).toBe('rowgate-dev-x');
});

test("the application stack's name stands in configs.yaml and in the line that makes it, nowhere else", () => {
  const root = resolve(__dirname, '../..');
  const found = execFileSync('git', ['grep', '-l', '--untracked', '-F', kApplication, '--', 'infra', 'tools', 'tests', 'src', 'dev', 'docs'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(found.trim().split('\n')).toEqual(['infra/config-files/configs.yaml', 'infra/lib/app.ts']);
  const app = readFileSync(resolve(__dirname, '../lib/app.ts'), 'utf8');
  expect(app.split(kApplication).length - 1).toBe(1);
  expect(readFileSync(kConfigs, 'utf8').split(kApplication).length - 1).toBe(1);
  expect(relative(root, kConfigs)).toBe('infra/config-files/configs.yaml');
});

test.each([
  ['RsdStack', 'RdsStack'],
  ['networkingstack', 'NetworkingStack'],
  ['Service', undefined],
  ['', undefined],
])('the name nearest to `%s` is `%s`', (name, expected) => {
  expect(nearest(name, ['NetworkingStack', 'RdsStack', 'ServiceStack'])).toBe(expected);
});

test('stacks are named as they are deployed', () => {
  const app = appWith();
  expect(stacksOf(app).every((stack) => Stack.of(stack).stackName === stack.node.id)).toBe(true);
});
