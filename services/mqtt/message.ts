/** Sent with QoS 1. `properties` reach MQTT 5 brokers only. */
export interface Message {
  topic: string;
  payload: string;
  retain: boolean;
  properties?: MessageProperties;
  /** The broker has it (PUBACK). Not called for a connection that was lost meanwhile. */
  acked(): void;
}

export interface MessageProperties {
  contentType?: string;
  /** True: the payload is UTF-8 text. */
  payloadFormatIndicator?: boolean;
  /** Seconds after which the broker forgets the message. */
  messageExpiryInterval?: number;
  userProperties?: Record<string, string>;
  correlationData?: Buffer;
}

/** What the broker sent on a topic that we listen to. */
export interface Incoming {
  topic: string;
  payload: Uint8Array;
  /** The broker had kept it from before. */
  retain: boolean;
  /** From MQTT 5 senders. */
  responseTopic?: string | undefined;
  correlationData?: Buffer | undefined;
}

export const JSON_PROPERTIES: MessageProperties = {
  contentType: "application/json",
  payloadFormatIndicator: true,
};

/** Where a connection takes its next message from whenever its window has room. */
export interface MessageSource {
  next(): Message | undefined;
  /** A new connection begins: what the old one did not acknowledge has to be sent again. */
  reset(): void;
}
