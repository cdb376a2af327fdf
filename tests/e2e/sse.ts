// Reads a stream of server-sent events with an independent parser, over a connection that can really be dropped.
import { createParser } from 'eventsource-parser';
import { EventEmitter, once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';

export interface StreamEvent {
  event: string;
  id: string;
  data: any;
}

interface Opening {
  method: string;
  headers: Record<string, string>;
  body?: string;
}

export class EventStream {
  readonly events: StreamEvent[] = [];
  readonly comments: string[] = [];
  text = ''; // the body, when it is no stream of events
  ended = false; // as it should be, by the server
  private taken = 0;
  private over = false;
  private readonly news = new EventEmitter().setMaxListeners(0);

  private constructor(private readonly response: IncomingMessage) {
    const parser = createParser({
      onEvent: ({ event, id, data }) => this.events.push({ event: event ?? '', id: id ?? '', data: JSON.parse(data) }),
      onComment: (comment) => this.comments.push(comment),
    });
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
      parser.feed(chunk);
      this.news.emit('news');
    });
    response.on('end', () => (this.ended = true));
    response.on('error', () => {});
    response.on('close', () => {
      this.over = true;
      this.news.emit('news');
    });
  }

  static async open(url: string, { method, headers, body }: Opening): Promise<EventStream> {
    const outgoing = request(url, { method, headers, agent: false });
    outgoing.end(body);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return new EventStream(response);
  }

  get status(): number {
    return this.response.statusCode!;
  }

  header(name: string): string {
    return String(this.response.headers[name] ?? '');
  }

  // The next event not yet taken.
  async next(): Promise<StreamEvent> {
    while (this.events.length <= this.taken) {
      if (this.over) throw new Error(`The stream is over after ${JSON.stringify(this.events)}`);
      await once(this.news, 'news');
    }
    return this.events[this.taken++]!;
  }

  // Events up to where the reply reads like this. A piece may be one word of the model, or several that came together.
  async untilReply(text: string): Promise<StreamEvent[]> {
    const events: StreamEvent[] = [];
    while (replyOf(events) !== text) events.push(await this.next());
    return events;
  }

  async nextComment(): Promise<string> {
    const seen = this.comments.length;
    while (this.comments.length <= seen) {
      if (this.over) throw new Error('The stream is over');
      await once(this.news, 'news');
    }
    return this.comments[seen]!;
  }

  // Everything up to the end of the stream.
  async all(): Promise<StreamEvent[]> {
    while (!this.over) await once(this.news, 'news');
    return this.events;
  }

  // As a train does that goes into a tunnel.
  drop(): void {
    this.response.socket.destroy();
  }
}

export const replyOf = (events: StreamEvent[]): string =>
  events.flatMap(({ event, data }) => (event === 'delta' ? [data.text] : [])).join('');
