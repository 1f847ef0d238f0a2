// Reads a JSON list of operations from standard input and writes the list of their outcomes.

import { text } from "node:stream/consumers";
import { perform } from "./perform.mjs";

const outcomes = [];
for (const operation of JSON.parse(await text(process.stdin))) outcomes.push(await perform(operation));
process.stdout.write(JSON.stringify(outcomes));
