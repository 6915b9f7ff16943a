/* The program that AWS Lambda starts (provided.al2023): runs rowgate by the loader and the libraries that lie beside it,
   since that system's C library is older than the one rowgate is built on. Static, so that it needs nothing itself. */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[PATH_MAX];

/* FOLDER/name; never freed, since the process becomes another one. */
static char *beside(const char *name) {
  char *path = malloc(strlen(folder) + strlen(name) + 2);
  if (path == NULL) abort();
  sprintf(path, "%s/%s", folder, name);
  return path;
}

int main(int argc, char **argv) {
  ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
  if (length <= 0) {
    perror("bootstrap: /proc/self/exe");
    return 1;
  }
  folder[length] = '\0';
  *strrchr(folder, '/') = '\0';

  setenv("MYSQL_PLUGIN_DIR", beside("lib/mysql"), 0);
  setenv("AWS_CA_BUNDLE", beside("ca-certificates.crt"), 0);
  setenv("SSL_CERT_FILE", beside("ca-certificates.crt"), 0);
  char *config = beside("rowgate.yaml");
  if (access(config, R_OK) == 0) setenv("ROWGATE_CONFIG", config, 0);

  char *loader = beside("lib/ld-linux-x86-64.so.2"), *program = beside("rowgate");
  char **arguments = calloc((size_t)argc + 8, sizeof *arguments);
  if (arguments == NULL) abort();
  int count = 0;
  arguments[count++] = loader;
  arguments[count++] = "--inhibit-cache";
  arguments[count++] = "--library-path";
  arguments[count++] = beside("lib");
  arguments[count++] = "--argv0";
  arguments[count++] = "rowgate";
  arguments[count++] = program;
  for (int i = 1; i < argc; ++i) arguments[count++] = argv[i];
  execv(loader, arguments);
  perror(loader);
  return 1;
}
