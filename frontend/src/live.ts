/* Live updates. The socket brings ids; what changed is fetched again.

   1. The first ids after BUFFER_MS of quiet are applied at once; those that follow are gathered, and applied BUFFER_MS
      after the last time (the server has gathered before).
   2. While the tab is hidden, or rows are selected, they wait.
   3. After a lost connection everything is fetched again, for what was missed is not known. */

export const BUFFER_MS = 300;
const EVERYTHING = "*";
const NOT_SIGNED_IN = 4401;

export interface Changes {
  topic: string;
  ids: string[];
  everything: boolean;
}

export interface LiveOptions {
  topics: string[];
  paused: () => boolean;
  apply: (changes: Changes) => void;
  status: (connected: boolean) => void;
  open?: (url: string) => WebSocket;
}

export class Live {
  private readonly waiting = new Map<string, Set<string>>();
  private timer: number | undefined;
  private flushedAt = -Infinity;
  private tries = 0;
  private wasConnected = false;
  private socket: WebSocket | null = null;

  constructor(private readonly options: LiveOptions) {}

  start(): void {
    if (this.options.topics.length === 0) return;
    document.addEventListener("visibilitychange", () => this.resume());
    this.connect();
  }

  /** Call when what paused the updates has ended. */
  resume(): void {
    if (this.waiting.size > 0) this.schedule();
  }

  receive(text: string): void {
    const message = JSON.parse(text) as { topic?: string; ids?: string[] };
    if (!message.topic || !message.ids) return;
    this.add(message.topic, message.ids);
  }

  private add(topic: string, ids: string[]): void {
    const known = this.waiting.get(topic) ?? new Set<string>();
    for (const id of ids) known.add(id);
    this.waiting.set(topic, known);
    this.schedule();
  }

  private schedule(): void {
    this.timer ??= window.setTimeout(() => this.flush(), Math.max(0, this.flushedAt + BUFFER_MS - Date.now()));
  }

  private flush(): void {
    this.timer = undefined;
    if (document.hidden || this.options.paused()) return;
    this.flushedAt = Date.now();
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const [topic, ids] of waiting) {
      this.options.apply({ topic, ids: [...ids].filter((id) => id !== EVERYTHING), everything: ids.has(EVERYTHING) });
    }
  }

  private connect(): void {
    const scheme = window.location.protocol === "https:" ? "wss" : "ws";
    const open = this.options.open ?? ((url: string) => new WebSocket(url));
    const socket = open(`${scheme}://${window.location.host}/ws/live/`);
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      socket.send(JSON.stringify({ topics: this.options.topics }));
      this.options.status(true);
      if (this.wasConnected) for (const topic of this.options.topics) this.add(topic, [EVERYTHING]);
      this.wasConnected = true;
    };
    socket.onmessage = (event) => this.receive(String(event.data));
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.options.status(false);
      if (event.code === NOT_SIGNED_IN) return;
      const wait = Math.min(30_000, 500 * 2 ** this.tries++) * (0.5 + Math.random() / 2);
      window.setTimeout(() => this.connect(), wait);
    };
  }
}
