// Which JSON Schemas a vendor takes for a structured answer, as its documentation says.
import { Unacceptable } from './vendor_server.ts';

export interface SchemaRules {
  keywords: readonly string[]; // all others are refused
  closed: boolean; // every object has additionalProperties: false
  allRequired: boolean; // every property is required
  unions: boolean; // "type" may be a list
  mostMinItems?: number;
}

const common = ['type', 'title', 'description', 'properties', 'required', 'items', 'enum', 'anyOf', 'format'];

// platform.openai.com/docs/guides/structured-outputs#supported-schemas
export const openaiRules: SchemaRules = {
  keywords: [...common, 'const', '$ref', '$defs', 'additionalProperties', 'pattern', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minItems', 'maxItems'],
  closed: true,
  allRequired: true,
  unions: true,
};

// docs.anthropic.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations
export const anthropicRules: SchemaRules = {
  keywords: [...common, 'const', 'allOf', '$ref', '$defs', 'default', 'additionalProperties', 'pattern', 'minItems'],
  closed: true,
  allRequired: false,
  unions: true,
  mostMinItems: 1,
};

// docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html: what is said of Claude holds there too
export const bedrockRules: SchemaRules = anthropicRules;

// ai.google.dev/api/caching#Schema: a subset of OpenAPI 3.0's
export const geminiRules: SchemaRules = {
  keywords: [...common, 'nullable', 'maxItems', 'minItems', 'minProperties', 'maxProperties', 'minLength', 'maxLength', 'pattern', 'example', 'propertyOrdering', 'default', 'minimum', 'maximum'],
  closed: false,
  allRequired: false,
  unions: false,
};

// ai.google.dev/api/generate-content#GenerationConfig, responseJsonSchema
export const geminiJsonRules: SchemaRules = {
  keywords: [...common, '$id', '$defs', '$ref', '$anchor', 'prefixItems', 'minItems', 'maxItems', 'minimum', 'maximum', 'oneOf', 'additionalProperties', 'propertyOrdering'],
  closed: false,
  allRequired: false,
  unions: true,
};

// Throws Unacceptable naming the place.
export function mustObey(schema: any, rules: SchemaRules, at = 'schema'): void {
  const fail = (fault: string) => {
    throw new Unacceptable(`${at}: ${fault}`);
  };
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) return fail('is no object');
  const unknown = Object.keys(schema).filter((keyword) => !rules.keywords.includes(keyword));
  if (unknown.length > 0) fail(`keywords that are not supported: ${unknown.join(', ')}`);
  if (!rules.unions && Array.isArray(schema.type)) fail('"type" is a list');
  if (rules.mostMinItems !== undefined && (schema.minItems ?? 0) > rules.mostMinItems) fail(`minItems is ${schema.minItems}`);
  if ([schema.type].flat().some((type) => /^object$/i.test(type ?? ''))) {
    if (rules.closed && schema.additionalProperties !== false) fail('additionalProperties has to be false');
    const names = Object.keys(schema.properties ?? {});
    if (rules.allRequired && names.some((name) => !schema.required?.includes(name))) fail('every property has to be required');
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {})) mustObey(inner, rules, `${at}.${name}`);
  for (const [name, inner] of Object.entries(schema.$defs ?? {})) mustObey(inner, rules, `${at}.$defs.${name}`);
  if (schema.items) mustObey(schema.items, rules, `${at}[]`);
  for (const inner of [...(schema.anyOf ?? []), ...(schema.allOf ?? []), ...(schema.oneOf ?? [])]) mustObey(inner, rules, `${at}|`);
}
