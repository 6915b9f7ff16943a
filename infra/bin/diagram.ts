// Renders docs/aws-architecture.dot as the SVG beside it.

import { readFileSync, writeFileSync } from 'node:fs';

import { kDiagram, rendered } from '../lib/diagram';

void rendered(readFileSync(`${kDiagram}.dot`, 'utf8')).then((svg) => writeFileSync(`${kDiagram}.svg`, svg));
