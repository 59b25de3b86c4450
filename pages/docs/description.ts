// The OpenAPI description of the service (OpenAPI 3.1), as far as the reference shows it.

/** A schema, or a reference to one. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  example?: unknown;
  examples?: unknown[];
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  description?: string;
  required?: boolean;
  example?: unknown;
  schema: Schema;
}

type Content = Record<string, { schema?: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }>;

export interface Response {
  $ref?: string;
  description?: string;
  content?: Content;
}

export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, Response>;
  security?: Record<string, unknown>[];
}

export interface Description {
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
}

/** An operation with its method and path. */
export interface Call extends Operation {
  method: string;
  path: string;
}

/** Returns the operations of a description, in its order. */
export function callsOf({ paths }: Description): Call[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, ...operation })),
  );
}

/** Follows a reference within the description. */
export function resolve<Item extends { $ref?: string }>(description: Description, item: Item): Item {
  if (!item.$ref) return item;
  const found = item.$ref
    .split("/")
    .slice(1)
    .reduce((value: unknown, name) => (value as Record<string, unknown> | undefined)?.[name], description);
  return (found as Item | undefined) ?? item;
}

/** A field of a body. */
export interface FieldFacts {
  /** With the names of the objects that contain it: `user.id`. */
  name: string;
  type: string;
  isRequired: boolean;
  description: string;
}

/** No schema of this service is deeper. */
const deepest = 6;

/** Returns the fields of a body. */
export function fieldsOf(description: Description, schema: Schema, prefix = "", depth = 0): FieldFacts[] {
  const { properties = {}, required = [], items } = flat(description, schema);
  if (depth > deepest) return [];
  if (items) return fieldsOf(description, items, `${prefix.replace(/\.$/, "")}[].`.replace(/^\[\]\./, ""), depth + 1);
  return Object.entries(properties).flatMap(([name, property]) => {
    const { description: about = "" } = flat(description, property);
    const field = {
      name: prefix + name,
      type: typeOf(description, property),
      isRequired: required.includes(name),
      description: property.description ?? about,
    };
    return [field, ...fieldsOf(description, property, `${prefix}${name}.`, depth + 1)];
  });
}

/** Returns a schema without references, with the properties of all its parts. Of several, it is the first one that is not null. */
function flat(description: Description, schema: Schema, depth = 0): Schema {
  const { allOf = [], oneOf, anyOf, ...own } = resolve(description, schema);
  if (depth > deepest) return own;
  const one = (oneOf ?? anyOf)?.find(({ type }) => type !== "null");
  const parts = [...allOf, ...(one ? [one] : [])].map((part) => flat(description, part, depth + 1));
  const merged: Schema = Object.assign({}, ...parts.reverse(), own);
  merged.properties = Object.assign({}, ...parts.map(({ properties }) => properties), own.properties);
  merged.required = [...parts, own].flatMap(({ required = [] }) => required);
  return merged;
}

function typeOf(description: Description, schema: Schema): string {
  const { type, items, enum: values, minimum, maximum, minLength, maxLength } = flat(description, schema);
  const { oneOf, anyOf } = resolve(description, schema);
  const isNullable = (oneOf ?? anyOf)?.some((part) => part.type === "null");
  const names = [type ?? "object"].flat();
  const name = items ? `array of ${typeOf(description, items)}` : names.join(" or ");
  const limits = [
    values?.map((value) => JSON.stringify(value)).join(", "),
    range(minimum, maximum),
    range(minLength, maxLength, " characters"),
  ].filter(Boolean);
  return [`${name}${isNullable && !names.includes("null") ? " or null" : ""}`, ...limits].join(", ");
}

function range(least: number | undefined, most: number | undefined, unit = ""): string {
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return `at least ${least}${unit}`;
  return least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`;
}

/** Returns an example of a body. */
export function exampleOf(description: Description, schema: Schema, depth = 0): unknown {
  const {
    example,
    examples,
    default: usual,
    const: only,
    enum: values,
    type,
    properties,
    items,
  } = flat(description, schema);
  for (const value of [example, examples?.[0], only, usual, values?.[0]]) if (value !== undefined) return value;
  if (depth > deepest) return null;
  if (properties && Object.keys(properties).length > 0) {
    return Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, exampleOf(description, property, depth + 1)]),
    );
  }
  if (items) return [exampleOf(description, items, depth + 1)];
  const [name] = [type ?? "object"].flat();
  if (name === "string") return "";
  if (name === "integer" || name === "number") return 0;
  if (name === "boolean") return true;
  return name === "object" ? {} : null;
}

/** Returns the example of a request or response body, with its media type. */
export function bodyOf(
  description: Description,
  content: Content | undefined,
): { type: string; schema: Schema; example: unknown } | undefined {
  const [type, body] = Object.entries(content ?? {})[0] ?? [];
  if (!type || !body) return undefined;
  const { schema = {}, example, examples } = body;
  return {
    type,
    schema,
    example: example ?? Object.values(examples ?? {})[0]?.value ?? exampleOf(description, schema),
  };
}
