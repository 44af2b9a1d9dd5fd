/** Methods and services of our gRPC API, as the generated tables name them. No gRPC library is needed here. */
import type { Message } from "./message.js";

type AnyMessage = Message<unknown, never>;

/** How many messages go in and out of a call. */
export type CallShape = "unary" | "serverStream" | "bidi";

export interface Method<
  Shape extends CallShape = CallShape,
  Request extends AnyMessage = AnyMessage,
  Response extends AnyMessage = AnyMessage,
> {
  readonly shape: Shape;
  readonly request: Request;
  readonly response: Response;
}

export type Methods = Readonly<Record<string, Method>>;

/** A service: its full name, and its methods by their names in lower camel case. */
export interface Service<M extends Methods = Methods> {
  readonly name: string;
  readonly methods: M;
}

export function unary<Q extends AnyMessage, R extends AnyMessage>(
  request: Q,
  response: R,
): Method<"unary", Q, R> {
  return { shape: "unary", request, response };
}

export function serverStream<Q extends AnyMessage, R extends AnyMessage>(
  request: Q,
  response: R,
): Method<"serverStream", Q, R> {
  return { shape: "serverStream", request, response };
}

export function bidi<Q extends AnyMessage, R extends AnyMessage>(
  request: Q,
  response: R,
): Method<"bidi", Q, R> {
  return { shape: "bidi", request, response };
}

export function service<M extends Methods>(name: string, methods: M): Service<M> {
  return { name, methods };
}

/** The path of a method in HTTP/2: "/lanekeeper.v1.KeeperService/PushBlock". */
export function pathOf({ name }: Service, method: string): string {
  return `/${name}/${method.charAt(0).toUpperCase()}${method.slice(1)}`;
}
