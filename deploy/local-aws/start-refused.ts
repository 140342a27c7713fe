/** The one sentence for whoever asked for a start that cannot be. */
export class StartRefused extends Error {}
