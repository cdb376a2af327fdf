// A bare TCP connection, for what a well-behaved HTTP client will not send.
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export class RawConnection {
  closed = false;
  private bytes = Buffer.alloc(0);
  private readonly news = new EventEmitter();

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.news.emit('news');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.news.emit('news');
    });
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  // One answer that has a Content-Length or no body at all.
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const parsed = this.take();
      if (parsed) return parsed;
      if (this.closed) throw new Error(`The connection was closed after ${JSON.stringify(this.bytes.toString('latin1'))}`);
      await once(this.news, 'news');
    }
  }

  async untilClosed(): Promise<string> {
    while (!this.closed) await once(this.news, 'news');
    return this.bytes.toString('utf8');
  }

  end(): void {
    this.socket.destroy();
  }

  private take(): RawAnswer | undefined {
    const head = this.bytes.indexOf('\r\n\r\n');
    if (head < 0) return undefined;
    const [first, ...lines] = this.bytes.subarray(0, head).toString('latin1').split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    const end = head + 4 + Number(headers['content-length'] ?? 0);
    if (this.bytes.length < end) return undefined;
    const body = this.bytes.subarray(head + 4, end).toString('utf8');
    this.bytes = this.bytes.subarray(end);
    return { status: Number(first!.split(' ')[1]), headers, body };
  }
}
