/**
 * A register in memory, of which the test decides when each call takes effect and what its caller hears. A
 * call may be done and answered, done and not answered, answered by a failure and done later, or never done.
 */
import type { PutResult, StoredObject, Tag } from "../../src/archive/bucket/bucket.js";
import { PersisterError } from "../../src/types/errors.js";
import type { Register } from "../../src/reserve/chain.js";

export type Fate = "done" | "unanswered" | "late" | "lost";

interface Call {
  readonly caller: string;
  readonly run: () => unknown;
  readonly settle: (fate: Fate) => void;
}

export class ModelRegister {
  readonly objects = new Map<string, StoredObject>();
  readonly calls: Call[] = [];
  /** Puts whose callers have given up, and that may still be done. */
  readonly late: (() => void)[] = [];
  #tags = 0;

  /** The register as one caller sees it. `isHeld`: each call waits for the test to settle it. */
  for(caller: string, { isHeld }: { readonly isHeld: boolean } = { isHeld: true }): Register {
    const at = <T>(name: string, run: () => T): Promise<T> => {
      // Probes are not what is tried here.
      if (!isHeld || name.startsWith("probe/")) return Promise.resolve(run());
      return new Promise((resolve, reject) => {
        const fail = (): void => reject(new PersisterError("BUCKET_FAILED", "no answer"));
        const fates: Record<Fate, () => void> = {
          done: () => resolve(run()),
          unanswered: () => (run(), fail()),
          late: () => (this.late.push(run), fail()),
          lost: fail,
        };
        this.calls.push({ caller, run, settle: (fate) => fates[fate]() });
      });
    };
    return {
      url: "model:",
      get: (name) => at(name, () => this.objects.get(name)),
      putIfAbsent: (name, bytes) => at(name, () => this.#put(name, bytes, undefined)),
      putIfMatch: (name, bytes, tag) => at(name, () => this.#put(name, bytes, tag)),
      close: () => Promise.resolve(),
    };
  }

  /** A call whose caller died is done later, or never. Nobody hears of it: the dead go on with nothing. */
  abandon(caller: string): void {
    const gone = this.calls.filter((call) => call.caller === caller);
    this.calls.splice(0, Infinity, ...this.calls.filter((call) => call.caller !== caller));
    this.late.push(...gone.map(({ run }) => run));
  }

  #put(name: string, bytes: Uint8Array, tag: Tag | undefined): PutResult {
    const held = this.objects.get(name);
    if (held?.tag !== tag) return { stored: false, held };
    this.#tags += 1;
    const next = String(this.#tags);
    this.objects.set(name, { bytes, tag: next });
    return { stored: true, tag: next };
  }
}
