import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { kDiagram, rendered } from '../lib/diagram';
import { appWith, kEverything, stacksOf } from './made';

const dot = readFileSync(`${kDiagram}.dot`, 'utf8');

test('the SVG is what the text renders to; npm run diagram writes it anew', async () => {
  expect(readFileSync(`${kDiagram}.svg`, 'utf8')).toBe(await rendered(dot));
});

test('the diagram has every stack', () => {
  for (const stack of stacksOf(appWith(kEverything)))
    expect(dot).toContain(stack.templateOptions.description?.includes('function') ? 'application stack' : stack.stackName);
});
