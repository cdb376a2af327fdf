// Lints openapi.yaml and docs/business-api.openapi.yaml: `npm run lint:openapi`. The contract test runs the same rules.
import { createConfig, formatProblems, lint } from '@redocly/openapi-core';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const inRepository = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
export const contract = inRepository('openapi.yaml');
export const businessApi = inRepository('docs/business-api.openapi.yaml'); // what others may implement

const rules = {
  'info-license': 'off', // the licence is the operator's business
  'no-empty-servers': 'error',
  'no-invalid-media-type-examples': 'error',
  'no-invalid-parameter-examples': 'error',
  'no-invalid-schema-examples': 'error',
  'no-server-example.com': 'off', // whoever implements the Business API has a name of their own
  'no-unused-components': 'off', // events of a stream are described by schemas that no operation refers to
  'operation-description': 'off',
  'operation-operationId': 'error',
  'operation-operationId-unique': 'error',
  'operation-4xx-response': 'off', // system endpoints use `default`
  'operation-tag-defined': 'error',
  'tag-description': 'error',
};

export async function lintContract(ref = contract) {
  const config = await createConfig({ extends: ['recommended'], rules });
  return lint({ ref, config });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const problems = [...(await lintContract()), ...(await lintContract(businessApi))];
  const totals = { errors: problems.length, warnings: 0, ignored: 0 };
  if (problems.length > 0) formatProblems(problems, { format: 'stylish', totals, version: '1' });
  exit(problems.length > 0 ? 1 : 0);
}
