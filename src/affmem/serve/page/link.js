// The WebSocket: one picture on its way at a time, so that the server sets the pace.
export function link(heard) {
  let socket = null, limits = null, wanted = false, wait = 500, away = false, timer = 0;

  function open() {
    wanted = true;
    clearTimeout(timer);
    const address = new URL("/api/watch", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "hello") [limits, wait, away] = [message.limits, 500, false];
      if (message.type === "reading" || message.frame) away = false;
      heard(message);
    };
    socket.onclose = ({ code, reason }) => {
      limits = null;
      if (!wanted) return;
      heard({ type: "lost", code, reason });
      timer = setTimeout(open, wait);
      wait = Math.min(8000, wait * 2);
    };
  }

  return {
    open,
    close() {
      wanted = false;
      clearTimeout(timer);
      socket?.close(1000);
    },
    say(word) {
      if (!wanted || socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(word));
      return true;
    },
    ready: () => limits !== null && !away && socket.readyState === WebSocket.OPEN,
    limits: () => limits,
    show(picture) {
      if (socket?.readyState !== WebSocket.OPEN) return;
      away = true;
      socket.send(picture);
    },
  };
}
