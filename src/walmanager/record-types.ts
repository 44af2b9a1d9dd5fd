/**
 * The types of record that WalManager knows, by their 16 bits. Bit 15 marks a type that no reader may
 * skip. Numbers up to 255 belong to WalManager, higher ones to the product that uses it.
 */
import { REQUIRED_BIT } from "./record-form.js";

const required = (number: number): number => REQUIRED_BIT | number;

export const walTypes = {
  Noop: 0,
  Put: required(1),
  Delete: required(2),
  VectorPut: required(10),
  VectorDelete: required(11),
  VectorParams: required(12),
  CrdtDelta: required(20),
  TimeseriesBatch: 30,
  LogBatch: 31,
  ArrayPut: required(40),
  ArrayDelete: required(41),
  ArrayFlush: required(42),
  Transaction: required(50),
  SurrogateAlloc: required(51),
  SurrogateBind: required(52),
  Checkpoint: required(100),
  CollectionTombstoned: required(101),
  LsnMsAnchor: 102,
  TemporalPurge: required(103),
} as const;

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(walTypes).map(([name, type]) => [type, name]),
);

/** The name of a type; undefined for one that WalManager does not know. */
export function walTypeName(type: number): string | undefined {
  return names.get(type);
}

export function isRequired(type: number): boolean {
  return (type & REQUIRED_BIT) !== 0;
}
