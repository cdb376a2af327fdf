// Lints openapi.yaml: `npm run lint:openapi`. The contract test runs the same rules.
import { createConfig, formatProblems, lint } from '@redocly/openapi-core';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

export const contract = fileURLToPath(new URL('../../openapi.yaml', import.meta.url));

const rules = {
  'info-license': 'off', // the licence is the operator's business
  'no-empty-servers': 'error',
  'no-invalid-media-type-examples': 'error',
  'no-invalid-parameter-examples': 'error',
  'no-invalid-schema-examples': 'error',
  'no-unused-components': 'off', // events of a stream are described by schemas that no operation refers to
  'operation-description': 'off',
  'operation-operationId': 'error',
  'operation-operationId-unique': 'error',
  'operation-4xx-response': 'off', // system endpoints use `default`
  'operation-tag-defined': 'error',
  'tag-description': 'error',
};

export async function lintContract() {
  const config = await createConfig({ extends: ['recommended'], rules });
  return lint({ ref: contract, config });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const problems = await lintContract();
  const totals = { errors: problems.length, warnings: 0, ignored: 0 };
  if (problems.length > 0) formatProblems(problems, { format: 'stylish', totals, version: '1' });
  exit(problems.length > 0 ? 1 : 0);
}
