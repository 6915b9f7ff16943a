import { X509Certificate } from 'node:crypto';
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';

import { expect, test } from 'vitest';

import { kSettingsFile } from '../lib/function_package';
import { appWith, configsWith, folder, kConfigs, kEverything, kStandIn, resources, templates } from './made';

/** Runs the program that the CDK runs, as it does. */
function synth(context: Record<string, unknown>) {
  const environment = { ...process.env, CDK_OUTDIR: folder(), CDK_CONTEXT_JSON: JSON.stringify(context) };
  return spawnSync('npx', ['tsx', 'bin/rowgate.ts'], { cwd: join(__dirname, '..'), env: environment, encoding: 'utf8' });
}

test('without the program there is a message that says how to make it, and no trace of calls', () => {
  const empty = folder();
  const { status, stderr } = synth({ package: empty, config: kConfigs });
  expect(status).toBe(1);
  expect(stderr.trim()).toMatch(
    /^\S+: there is no `bootstrap`, the program of the function \(make it with `\.\/dev lambda`, or name another folder with -c package=FOLDER\)$/,
  );
});

test('a mistake in configs.yaml is printed as it is, and nothing is written', () => {
  const { status, stderr } = synth({ package: kStandIn, config: configsWith([['max_azs: 2', 'max_azs: two']]) });
  expect(status).toBe(1);
  expect(stderr.trim()).toMatch(/^\S+configs\.yaml:\d+:14: `max_azs` must be a whole number, not the text `two`$/);
});

test('a program that cannot be run is told', () => {
  const copy = join(folder(), 'package');
  cpSync(kStandIn, copy, { recursive: true });
  chmodSync(join(copy, 'bootstrap'), 0o644);
  expect(() => appWith([], { package: copy })).toThrow(/bootstrap: is not executable/);
});

test('stacks that do not need the program are made without it', () => {
  const app = appWith([['  CicdStack:\n    enabled: true', '  CicdStack:\n    enabled: false']], {
    package: folder(),
    'aws:cdk:bundling-stacks': ['NetworkingStack'],
  });
  expect(app.node.tryFindChild('NetworkingStack')).toBeDefined();
});

test("the package is the program, its settings, and the certificates of RDS's authorities", () => {
  const copy = join(folder(), 'package');
  cpSync(kStandIn, copy, { recursive: true });
  cpSync(kSettingsFile, join(copy, 'rowgate.yaml')); // a folder may bring it, and be read-only
  chmodSync(join(copy, 'rowgate.yaml'), 0o444);
  const app = appWith([], { package: copy });
  const { directory } = app.synth();
  const [asset] = readdirSync(directory).filter((name) => name.startsWith('asset.'));
  expect(readdirSync(join(directory, asset!)).sort()).toEqual(['bootstrap', 'rds-ca.pem', 'rowgate.yaml']);
  const certificates = readFileSync(join(directory, asset!, 'rds-ca.pem'), 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/);
  const subjects = certificates.map((one) => new X509Certificate(one).subject);
  expect(subjects.length).toBeGreaterThan(100);
  expect(subjects.filter((subject) => subject.includes('us-east-1')).length).toBeGreaterThan(0);
  rmSync(copy, { recursive: true });
});

test('the program is told each name that its settings ask for, and no other', () => {
  const asked = new Set([...readFileSync(kSettingsFile, 'utf8').matchAll(/\$\{(\w+)\}/g)].map((found) => found[1]!));
  const { application, service } = templates(appWith(kEverything));
  const ofFunction = Object.keys(resources(application, 'AWS::Lambda::Function')[0]![1]['Environment'].Variables);
  const container = resources(service!, 'AWS::ECS::TaskDefinition')[0]![1]['ContainerDefinitions'][0];
  const ofContainer = [...container.Environment, ...container.Secrets].map((one: any) => one.Name as string);
  for (const names of [ofFunction, ofContainer])
    expect(names.filter((name) => !name.startsWith('ROWGATE_')).sort()).toEqual([...asked].sort());
});

test('the settings for an image are written into a folder', () => {
  const out = join(folder(), 'image');
  const done = spawnSync('npx', ['tsx', 'bin/settings.ts', out], { cwd: join(__dirname, '..'), encoding: 'utf8' });
  expect([done.status, done.stderr]).toEqual([0, '']);
  expect(readdirSync(out).sort()).toEqual(['Dockerfile', 'rds-ca.pem', 'rowgate.yaml']);
});
