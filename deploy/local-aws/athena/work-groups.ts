import type { WorkGroup } from "@aws-sdk/client-athena";
import type { Journal } from "../contract.ts";

export interface KnownWorkGroup {
  readonly name: string;
  /** Where results go when a query does not say. */
  readonly outputLocation: string | null;
}

const KIND = "athena-work-group";

/** Workgroups, kept in the journal; every account has `primary`. */
export class WorkGroups {
  private readonly journal: Journal;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  get(name: string): KnownWorkGroup | null {
    const kept = this.journal.all(KIND).get(name) as KnownWorkGroup | undefined;
    return kept ?? (name === "primary" ? { name, outputLocation: null } : null);
  }

  create(name: string, outputLocation: string | null): void {
    this.journal.put(KIND, name, { name, outputLocation });
  }

  shown(group: KnownWorkGroup): WorkGroup {
    return {
      Name: group.name,
      State: "ENABLED",
      Configuration: {
        ResultConfiguration: group.outputLocation === null ? {} : { OutputLocation: group.outputLocation },
        EnforceWorkGroupConfiguration: false,
      },
    };
  }
}
