/* options_test.c - the command line of `sbx run`, above all what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "loader/options.h"

static struct err *parse(struct options *o, char **words)
{
	int n = 0;
	while (words[n])
		n++;
	return options_parse(n, words, o);
}
#define PARSE(o, ...) parse((o), (char *[]){ "run", __VA_ARGS__, NULL })

static void refuses(struct err *e, const char *text)
{
	assert_non_null(e);
	if (!strstr(e->text, text))
		fail_msg("'%s' does not say '%s'", e->text, text);
	assert_int_equal(e->exit_status, EXIT_SBX);
	err_free(e);
}

static void bytes_are_read_as_podman_does(void **state)
{
	uint64_t n;
	assert_true(parse_bytes("100", &n) && n == 100);
	assert_true(parse_bytes("1k", &n) && n == 1024);
	assert_true(parse_bytes("100m", &n) && n == 100 << 20);
	assert_true(parse_bytes("2G", &n) && n == 2ULL << 30);
	assert_true(parse_bytes("1gb", &n) && n == 1ULL << 30);
	assert_true(parse_bytes("1GiB", &n) && n == 1ULL << 30);
	assert_true(parse_bytes("5b", &n) && n == 5);
	static const char *const bad[] = { "", "m", "-1", "+1", "1.5g", "1x", "1mm", "99999999999999999999", "99999999999t", " 1", "1 " };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_bytes(bad[i], &n));
}

static void durations_have_units(void **state)
{
	uint64_t ns;
	assert_true(parse_duration("10", &ns) && ns == 10000000000);
	assert_true(parse_duration("1.5s", &ns) && ns == 1500000000);
	assert_true(parse_duration(".5", &ns) && ns == 500000000);
	assert_true(parse_duration("2m", &ns) && ns == 120000000000);
	assert_true(parse_duration("1h", &ns) && ns == 3600000000000);
	assert_true(parse_duration("20ms", &ns) && ns == 20000000);
	static const char *const bad[] = { "", "s", "0", "-1", "1d", "inf", "nan", "1e3", "0x10", "1s ", "1e", "9999999999999999999999" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_duration(bad[i], &ns));
}

static void mounts_keep_their_order(void **state)
{
	struct options o;
	assert_null(PARSE(&o, "--bind", "a", "/x//y/./z/", "--tmpfs", "/t", "--ro-bind", "b", "/x/y/z/w", "prog", "--bind"));
	assert_int_equal(o.nmounts, 3);
	assert_int_equal(o.mounts[0].kind, OPT_BIND);
	assert_string_equal(o.mounts[0].src, "a");
	assert_string_equal(o.mounts[0].dst, "/x/y/z");
	assert_int_equal(o.mounts[1].kind, OPT_TMPFS);
	assert_int_equal(o.mounts[2].kind, OPT_RO_BIND);
	assert_string_equal(o.argv[0], "prog");
	assert_string_equal(o.argv[1], "--bind");
	assert_null(o.argv[2]);
}

static void the_program_ends_our_options(void **state)
{
	struct options o;
	assert_null(PARSE(&o, "sh", "-m", "1", "--help"));
	assert_int_equal(o.memory_bytes, 0);
	assert_null(PARSE(&o, "-m", "64m", "--", "--help"));
	assert_string_equal(o.argv[0], "--help");
	assert_false(o.help);
	assert_null(PARSE(&o, "--help", "--nonsense"));
	assert_true(o.help);
}

static void values_are_kept(void **state)
{
	struct options o;
	assert_null(PARSE(&o, "-u", "1000:50", "--cpus", "1.5", "--pids-limit", "50", "--timeout", "1", "-m", "100m", "-w", "/a/b/",
			  "--hostname", "box-1", "--strace=f", "--stats=json", "-e", "A=b", "--env", "C", "--clearenv", "--read-only", "p"));
	assert_int_equal(o.uid, 1000);
	assert_int_equal(o.gid, 50);
	assert_true(o.cpus == 1.5);
	assert_int_equal(o.pids_limit, 50);
	assert_int_equal(o.timeout_ns, 1000000000);
	assert_int_equal(o.memory_bytes, 100 << 20);
	assert_string_equal(o.memory_text, "100m");
	assert_string_equal(o.workdir, "/a/b");
	assert_string_equal(o.hostname, "box-1");
	assert_true(o.strace);
	assert_string_equal(o.strace_file, "f");
	assert_int_equal(o.stats, STATS_JSON);
	assert_int_equal(o.nenv, 2);
	assert_true(o.clearenv && o.read_only);
	assert_null(PARSE(&o, "-u", "7", "--strace", "--stats", "p"));
	assert_int_equal(o.gid, 7);
	assert_null(o.strace_file);
	assert_int_equal(o.stats, STATS_TEXT);
}

static void what_is_wrong_is_named(void **state)
{
	struct options o;
	refuses(parse(&o, (char *[]){ "run", NULL }), "which program?");
	refuses(PARSE(&o, "--nonsense", "p"), "--nonsense: no such option");
	refuses(PARSE(&o, "-z", "p"), "-z: no such option");
	refuses(PARSE(&o, "--memory"), "--memory: needs an argument");
	refuses(PARSE(&o, "--read-only=yes", "p"), "takes no argument");
	refuses(PARSE(&o, "--bind", "a"), "--bind: needs two arguments");
	refuses(PARSE(&o, "--bind", "a", "relative", "p"), "--bind: relative: must be an absolute path");
	refuses(PARSE(&o, "--bind", "a", "/x/../y", "p"), "--bind: /x/../y: '..'");
	refuses(PARSE(&o, "--tmpfs", "/", "p"), "--tmpfs: /: the root directory");
	refuses(PARSE(&o, "--bind", "", "/x", "p"), "SRC is empty");
	refuses(PARSE(&o, "-m", "1", "p"), "--memory: 1: must be");
	refuses(PARSE(&o, "--cpus", "nan", "p"), "--cpus: nan");
	refuses(PARSE(&o, "--cpus", "1e3", "p"), "--cpus: 1e3");
	refuses(PARSE(&o, "--cpus", "0", "p"), "--cpus: 0");
	refuses(PARSE(&o, "--pids-limit", "0", "p"), "--pids-limit: 0");
	refuses(PARSE(&o, "--pids-limit", "-5", "p"), "--pids-limit: -5");
	refuses(PARSE(&o, "-u", "4294967295", "p"), "--user: 4294967295");
	refuses(PARSE(&o, "-u", "1:", "p"), "--user: 1:");
	refuses(PARSE(&o, "-u", "root", "p"), "--user: root");
	refuses(PARSE(&o, "--hostname", "", "p"), "--hostname");
	refuses(PARSE(&o, "--hostname", "a\nb", "p"), "--hostname");
	refuses(PARSE(&o, "-e", "=x", "p"), "--env");
	refuses(PARSE(&o, "--net", "host", "p"), "--net: host: only 'none'");
	refuses(PARSE(&o, "--stats=xml", "p"), "--stats: xml");
	refuses(PARSE(&o, "--strace=", "p"), "--strace");
	refuses(PARSE(&o, "--rootfs", "", "p"), "--rootfs");
}

static void ports_have_two_ends(void **state)
{
	struct options o;
	assert_null(PARSE(&o, "-p", "8080:80", "--publish", "0.0.0.0:0:443/tcp", "-p", "[::1]:65535:1", "prog"));
	assert_int_equal(o.npublish, 3);
	assert_int_equal(o.publish[0].host.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(o.publish[0].host.v4.sin_port, htons(8080));
	assert_int_equal(o.publish[0].guest_port, 80);
	assert_int_equal(o.publish[1].host.v4.sin_addr.s_addr, INADDR_ANY);
	assert_int_equal(o.publish[1].guest_port, 443);
	assert_int_equal(o.publish[2].host.sa.sa_family, AF_INET6);
	assert_memory_equal(&o.publish[2].host.v6.sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback));
	assert_int_equal(o.publish[2].host.v6.sin6_port, htons(65535));
	refuses(PARSE(&o, "-p", "80", "prog"), "--publish: 80: must be HOST:GUEST");
	refuses(PARSE(&o, "-p", "80:80/udp", "prog"), "only tcp");
	refuses(PARSE(&o, "-p", "65536:80", "prog"), "HOST must be");
	refuses(PARSE(&o, "-p", ":80", "prog"), "HOST must be");
	refuses(PARSE(&o, "-p", "80:0", "prog"), "GUEST must be");
	refuses(PARSE(&o, "-p", "80:", "prog"), "GUEST must be");
	refuses(PARSE(&o, "-p", "80:1x", "prog"), "GUEST must be");
	refuses(PARSE(&o, "-p", "localhost:80:80", "prog"), "IP must be");
	refuses(PARSE(&o, "-p", "::1:80:80", "prog"), "IP must be");
	refuses(PARSE(&o, "-p", "[::1:80:80", "prog"), "IP must be");
	refuses(PARSE(&o, "-p", "1111111111111111111111111111111111111111111111111111:80:80", "prog"), "IP must be");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_read_as_podman_does), cmocka_unit_test(durations_have_units),
		cmocka_unit_test(mounts_keep_their_order),       cmocka_unit_test(the_program_ends_our_options),
		cmocka_unit_test(values_are_kept),  cmocka_unit_test(ports_have_two_ends),               cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
