import { type Answer, type Answerer, refusal } from "../../runtime/base/answer.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { Turns } from "../../runtime/base/turns.ts";
import { type Incoming, JSON_PROPERTIES, type Message, type MessageSource } from "./message.ts";
import type { Topics } from "./topics.ts";

/** Longer payloads are nobody's request. */
const REQUEST_BYTES_MAX = 4_096;
/** Requests under way or waiting; those beyond are refused. */
const REQUESTS_MAX = 16;
/** Answers that the broker has not taken; the oldest go first. */
const ANSWERS_MAX = 64;
const WORD_CHARS_MAX = 256;

interface Request {
  /** The sender's own mark, which its answer carries. */
  transaction: string | number | null;
  args: unknown;
}

/**
 * Has requests from `R/request/{verb}` done, one after the other in the order in which they came, and sends each an
 * answer on `R/response/{verb}`, or on the sender's response topic below `R/response` (MQTT 5).
 */
export class RequestDesk implements MessageSource {
  readonly #logger: Logger;
  readonly #topics: Topics;
  readonly #answerer: Answerer;
  readonly #onReady: () => void;
  readonly #turns = new Turns();
  #underWay = 0;
  #unsent: Message[] = [];
  #unacked = new Set<Message>();

  constructor(
    deps: { logger: Logger; answerer: Answerer; onReady: () => void },
    { topics }: { topics: Topics },
  ) {
    this.#logger = deps.logger;
    this.#answerer = deps.answerer;
    this.#onReady = deps.onReady;
    this.#topics = topics;
  }

  /** Whatever arrives on `R/request/#`. A retained request is left undone: it would come again with each start. */
  receive(incoming: Incoming): void {
    const verb = this.#topics.verbOf(incoming.topic);
    if (verb === undefined || incoming.retain) {
      const { topic, retain } = incoming;
      this.#logger.warn({ topic: topic.slice(0, WORD_CHARS_MAX), retain }, "a request was ignored");
      return;
    }
    void this.#serve(verb, incoming);
  }

  reset(): void {
    this.#unsent = [...this.#unacked, ...this.#unsent];
    this.#unacked = new Set();
  }

  next(): Message | undefined {
    const message = this.#unsent.shift();
    if (message) this.#unacked.add(message);
    return message;
  }

  async #serve(verb: string, incoming: Incoming): Promise<void> {
    const request = parsed(incoming.payload);
    const answer = "error" in request ? refusal(request.error) : await this.#answer(verb, request.args);
    const transaction = "error" in request ? null : request.transaction;
    this.#send(this.#topicFor(verb, incoming), { transaction, ...answer }, incoming);
  }

  async #answer(verb: string, args: unknown): Promise<Answer> {
    if (this.#underWay >= REQUESTS_MAX) {
      return refusal(new SightlineError("ERR_REQUEST", `${REQUESTS_MAX} requests are already in progress`));
    }
    this.#underWay++;
    try {
      return await this.#turns.take(() => this.#answerer(verb, args));
    } finally {
      this.#underWay--;
    }
  }

  /** Elsewhere than below `R/response` a sender could have us write over what others rely on. */
  #topicFor(verb: string, { responseTopic }: Incoming): string {
    const own = this.#topics.below(`response/${verb}`);
    return responseTopic !== undefined && this.#topics.isForAnswers(responseTopic) ? responseTopic : own;
  }

  #send(topic: string, payload: object, { correlationData }: Incoming): void {
    const message: Message = {
      topic,
      payload: JSON.stringify(payload),
      retain: false,
      properties: { ...JSON_PROPERTIES, ...(correlationData && { correlationData }) },
      acked: () => this.#unacked.delete(message),
    };
    this.#unsent.push(message);
    if (this.#unsent.length > ANSWERS_MAX) this.#unsent.shift();
    this.#onReady();
  }
}

/** An empty payload asks without arguments. */
function parsed(payload: Uint8Array): Request | { error: SightlineError } {
  if (payload.length > REQUEST_BYTES_MAX) {
    return invalid(`the payload has ${payload.length} bytes; at most ${REQUEST_BYTES_MAX} are allowed`);
  }
  const text = new TextDecoder().decode(payload);
  try {
    const value: unknown = text.trim() === "" ? {} : JSON.parse(text);
    if (typeof value !== "object" || value === null) return invalid("the payload is not a JSON object");
    const { args, transaction } = value as { args?: unknown; transaction?: unknown };
    const isMark = typeof transaction === "string" || typeof transaction === "number";
    return { args, transaction: isMark ? transaction : null };
  } catch {
    return invalid("the payload is not JSON");
  }
}

const invalid = (message: string) => ({ error: new SightlineError("ERR_REQUEST", message) });
