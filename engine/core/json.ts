/** Plain data, as it goes into YAML, jsonb and over HTTP. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Milliseconds since the Unix epoch, UTC. Core computes with these; names that end in `At` hold one. */
export type Instant = number;
