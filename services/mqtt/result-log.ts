/** One result as the relay sends it; `position` grows over all pipelines, `seq` within one. */
export interface ResultRow {
  position: number;
  pipeline: string;
  seq: number;
  id: string;
  verdict: string;
  /** JSON, sent as it is. */
  payload: string;
}

/** The log that the relay drains; the outbox implements it. */
export interface ResultLog {
  /** At most `limit` rows, oldest first, behind `afterPosition` or else behind the sink's acknowledged position. */
  read(sink: string, limit: number, afterPosition?: number): Promise<ResultRow[]>;
  /** The sink has everything up to `position`; positions below an earlier one mean nothing. */
  ack(sink: string, position: number): void;
  /** Calls `listener` after rows were added; returns a function that ends this. */
  onCommit(listener: () => void): () => void;
}
