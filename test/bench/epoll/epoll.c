// The ceiling: one thread, epoll, no parser. It answers each read that ends in
// an empty line with the same bytes. The port is its argument.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  static const char body[] = "{\"name\":\"/bench/p\",\"value\":\"a value of some forty characters, no more\",\"version\":\"1\",\"source\":\"ssm\"}";
  char answer[512], buf[8192];
  int size = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
  int one = 1, port = argc > 1 ? atoi(argv[1]) : 0, ln = socket(AF_INET, SOCK_STREAM, 0), ep = epoll_create1(0);
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(ln, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(ln, (struct sockaddr *)&addr, sizeof addr) || listen(ln, 1024)) return perror("listen"), 1;
  struct epoll_event ev = {.events = EPOLLIN, .data.fd = ln}, got[64];
  epoll_ctl(ep, EPOLL_CTL_ADD, ln, &ev);
  for (;;) {
    int n = epoll_wait(ep, got, 64, -1);
    for (int i = 0; i < n; i++) {
      int fd = got[i].data.fd;
      if (fd == ln) {
        ev.data.fd = accept(ln, 0, 0);
        if (ev.data.fd >= 0) epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
        continue;
      }
      ssize_t len = read(fd, buf, sizeof buf);
      if (len <= 0) { close(fd); continue; }
      if (len >= 4 && !memcmp(buf + len - 4, "\r\n\r\n", 4) && write(fd, answer, size) < 0) close(fd);
    }
  }
}
