// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BUFFER_MS, Live, type Changes } from "../src/live";

class FakeSocket {
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  sent: string[] = [];
  send(text: string): void {
    this.sent.push(text);
  }
}

let sockets: FakeSocket[] = [];
let applied: Changes[] = [];
let paused = false;

function start(): Live {
  const live = new Live({
    topics: ["workloads"],
    paused: () => paused,
    apply: (changes) => applied.push(changes),
    status: () => undefined,
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  });
  live.start();
  return live;
}

beforeEach(() => {
  vi.useFakeTimers();
  [sockets, applied, paused] = [[], [], false];
});
afterEach(() => vi.useRealTimers());

test("after quiet ids are applied at once, and those that follow are gathered and applied once", () => {
  const live = start();
  live.receive('{"topic":"workloads","ids":["a"]}');
  vi.advanceTimersByTime(0);
  expect(applied).toEqual([{ topic: "workloads", ids: ["a"], everything: false }]);
  live.receive('{"topic":"workloads","ids":["b"]}');
  live.receive('{"topic":"workloads","ids":["b","c"]}');
  vi.advanceTimersByTime(BUFFER_MS - 1);
  expect(applied).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(applied.slice(1)).toEqual([{ topic: "workloads", ids: ["b", "c"], everything: false }]);
});

test("while rows are selected they wait, and come when the selection ends", () => {
  const live = start();
  paused = true;
  live.receive('{"topic":"workloads","ids":["a"]}');
  vi.advanceTimersByTime(BUFFER_MS);
  expect(applied).toEqual([]);
  paused = false;
  live.resume();
  vi.advanceTimersByTime(BUFFER_MS);
  expect(applied).toHaveLength(1);
});

test("a reconnect fetches everything, the first connect nothing", () => {
  start();
  sockets[0]?.onopen?.();
  expect(sockets[0]?.sent).toEqual(['{"topics":["workloads"]}']);
  vi.advanceTimersByTime(BUFFER_MS);
  expect(applied).toEqual([]);
  sockets[0]?.onclose?.({ code: 1006 });
  vi.advanceTimersByTime(1_000);
  expect(sockets).toHaveLength(2);
  sockets[1]?.onopen?.();
  vi.advanceTimersByTime(BUFFER_MS);
  expect(applied).toEqual([{ topic: "workloads", ids: [], everything: true }]);
});

test("a session that has ended is not tried again", () => {
  start();
  sockets[0]?.onclose?.({ code: 4401 });
  vi.advanceTimersByTime(120_000);
  expect(sockets).toHaveLength(1);
});
