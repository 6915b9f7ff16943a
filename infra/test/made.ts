// What the tests share: the stacks, made as the CDK makes them, with a stand-in for the program.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { Stack } from 'aws-cdk-lib';
import type { App, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { IConstruct } from 'constructs';
import { afterAll } from 'vitest';

import { buildApp } from '../lib/app';

export const kConfigs = resolve(__dirname, '../config-files/configs.yaml');
export const kStandIn = resolve(__dirname, 'package');

/** [what stands in configs.yaml, what stands there instead]. */
export type Change = readonly [string, string];

/** All that is optional, and switched on. */
export const kEverything: Change[] = [
  ['enabled: false', 'enabled: true'],
  ['bastion: false', 'bastion: true'],
];

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** A folder that is removed when the file's tests are done. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'rowgate-infra.'));
  folders.push(made);
  return made;
}

/** configs.yaml with changes, each of which must apply exactly once; its path. */
export function configsWith(changes: readonly Change[]): string {
  let text = readFileSync(kConfigs, 'utf8');
  for (const [from, to] of changes) {
    if (text.split(from).length !== 2) throw new Error(`configs.yaml does not have this once: ${from}`);
    text = text.replace(from, () => to);
  }
  const path = join(folder(), 'configs.yaml');
  writeFileSync(path, text);
  return path;
}

/** The app of the changed configuration. */
export function appWith(changes: readonly Change[] = [], context: Record<string, unknown> = {}): App {
  return buildApp({ outdir: folder(), context: { package: kStandIn, config: configsWith(changes), ...context } });
}

/** The templates of the stacks of `app`, by what they are for. */
export function templates(app: App) {
  const of = (description: string): Template | undefined => {
    const stack = stacksOf(app).find((each) => each.templateOptions.description === `rowgate: ${description}`);
    return stack && Template.fromStack(stack);
  };
  return {
    networking: of('network')!,
    rds: of('database')!,
    application: of('function, API and files')!,
    service: of('the container service'),
    cicd: of('pipeline'),
  };
}

/** The stacks of `scope` itself, without those of stages in it. */
export function stacksOf(scope: App | Stage): Stack[] {
  return scope.node.children.filter((child: IConstruct): child is Stack => Stack.isStack(child));
}

/** The resources of `template` of a type, by their names in it. */
export function resources(template: Template, type: string): [string, Record<string, any>][] {
  return Object.entries(template.findResources(type)).map(([name, resource]) => [name, resource['Properties']]);
}
