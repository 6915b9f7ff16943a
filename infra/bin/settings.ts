// Writes what an image for AWS needs beside the program into a folder: rowgate.yaml, rds-ca.pem and the Dockerfile.

import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { writeSettings } from '../lib/function_package';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('which folder? npm run settings -- FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
writeSettings(folder);
copyFileSync(resolve(__dirname, '../lambda/Dockerfile'), join(folder, 'Dockerfile'));
