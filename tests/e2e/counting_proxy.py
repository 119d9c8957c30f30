"""A TCP proxy that counts what passes through it."""
import contextlib
import socket
import threading


class CountingProxy:
    """Before a registry on a loopback port; `name` is what clients use."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.lock = threading.Lock()
        self.sent = self.received = 0  # as the client sees it
        self.threads = []
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.start(self.accept)

    def start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        self.threads.append(thread)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
                self.connections += [client, server]
                self.start(self.pump, client, server, "sent")
                self.start(self.pump, server, client, "received")

    def pump(self, source, sink, counter):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self.lock:
                    setattr(self, counter, getattr(self, counter) + len(data))
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def take(self):
        """What was sent and received since the last call."""
        with self.lock:
            counted = self.sent, self.received
            self.sent = self.received = 0
        return counted

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
        for connection in self.connections:
            connection.close()
