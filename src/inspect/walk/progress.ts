/** How far an inspection has come, for whoever shows it. */
export interface Progress {
  /** Bytes read so far, and how many there will be at least, once that is known. */
  bytesRead: number;
  bytesExpected: number;
  /** Live records judged so far. */
  records: number;
}

export function newProgress(): Progress {
  return { bytesRead: 0, bytesExpected: 0, records: 0 };
}
