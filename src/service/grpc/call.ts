/** A call as its handler sees it, and the handlers of a service. */
import type { Caller } from "../access/caller.js";
import type { Decoded, Encodable } from "../../rpc/message.js";
import type { Method, Methods } from "../../rpc/method.js";

export interface Call {
  /** Aborts when the caller is gone, its deadline has passed, or the service ends. */
  readonly signal: AbortSignal;
  readonly caller: Caller;
}

/**
 * The handler of a method. One that streams is called once; a subscription is in place when it returns,
 * and not only when the first message is asked for.
 */
export type Handler<M extends Method> =
  M extends Method<"unary", infer Request, infer Response>
    ? (request: Decoded<Request>, call: Call) => Promise<Encodable<Response>>
    : M extends Method<"serverStream", infer Request, infer Response>
      ? (request: Decoded<Request>, call: Call) => AsyncIterable<Encodable<Response>>
      : M extends Method<"bidi", infer Request, infer Response>
        ? (
            requests: AsyncIterable<Decoded<Request>>,
            call: Call,
          ) => AsyncIterable<Encodable<Response>>
        : never;

export type Handlers<All extends Methods> = { readonly [Name in keyof All]: Handler<All[Name]> };
