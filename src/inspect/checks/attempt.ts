/** An attempt whose typed refusal is an answer: an inspection goes on where others stop. */
import { PersisterError } from "../../types/errors.js";

export type Attempt<Value> = { readonly value: Value } | { readonly error: PersisterError };

/** What `act` gives, or the operating error that it was refused with; anything else is thrown. */
export async function attempted<Value>(act: () => Value | Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await act() };
  } catch (error) {
    if (!(error instanceof PersisterError)) throw error;
    return { error };
  }
}
