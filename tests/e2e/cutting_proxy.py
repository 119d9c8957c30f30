"""A TCP proxy that resets connections which have carried much."""
import contextlib
import socket
import struct
import threading


class CuttingProxy:
    """Before a registry on a loopback port; `name` is what clients use.

    A connection is reset once `every` bytes went up in it, or, `together`,
    whenever so many further ones did in whichever connections.
    """

    def __init__(self, port, every, together):
        self.target = ("127.0.0.1", port)
        self.every, self.together = every, together
        self.lock = threading.Lock()
        self.sent = self.cuts = self.since_cut = 0
        self.threads = []
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
                self.start(self.up, client, server)
                self.start(self.down, server, client)

    def is_due(self, count, carried):
        with self.lock:
            self.sent += count
            self.since_cut += count
            if (self.since_cut if self.together else carried) < self.every:
                return False
            self.cuts += 1
            self.since_cut = 0
            return True

    def up(self, client, server):
        with contextlib.suppress(OSError):
            carried = 0
            while data := client.recv(1 << 18):
                server.sendall(data)
                carried += len(data)
                if self.is_due(len(data), carried):
                    for end in (client, server):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
                        end.shutdown(socket.SHUT_RD)
                        end.close()
                    return
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def down(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 18):
                client.sendall(data)
        # The answer is the last of an exchange that we close.
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
