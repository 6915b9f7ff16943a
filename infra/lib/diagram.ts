import { resolve } from 'node:path';

import { instance } from '@viz-js/viz';

/** The diagram of the stacks, without its extension. */
export const kDiagram = resolve(__dirname, '../../docs/aws-architecture');

/** What Graphviz makes of a text in its language; the same bytes on every machine. */
export async function rendered(dot: string): Promise<string> {
  const graphviz = await instance();
  return graphviz.renderString(dot, { format: 'svg', engine: 'dot' });
}
