#!/usr/bin/env escript
%%! -smp enable +S 4
%% A ring of processes, ports, timers, sockets, ets, and links that die.
main(_) ->
    Me = self(),
    N = 2000,
    First = lists:foldl(fun(_, Next) -> spawn_link(fun() -> ring(Next) end) end, Me, lists:seq(1, N)),
    First ! 0,
    receive X -> io:format("ring ~p~n", [X]) end,
    T = ets:new(t, [public, {write_concurrency, true}]),
    ets:insert(T, {n, 0}),
    Ps = [spawn_monitor(fun() -> [ets:update_counter(T, n, 1) || _ <- lists:seq(1, 5000)] end) || _ <- lists:seq(1, 16)],
    [receive {'DOWN', R, process, _, normal} -> ok end || {_, R} <- Ps],
    io:format("ets ~p~n", [ets:lookup(T, n)]),
    process_flag(trap_exit, true),
    P = spawn_link(fun() -> exit(on_purpose) end),
    receive {'EXIT', P, Why} -> io:format("~p~n", [Why]) end,
    Port = open_port({spawn, "sh -c 'read x; echo got $x; exit 3'"}, [exit_status, {line, 100}]),
    port_command(Port, "line\n"),
    receive {Port, {data, {eol, L}}} -> io:format("~s~n", [L]) end,
    receive {Port, {exit_status, S}} -> io:format("status ~p~n", [S]) end,
    [erlang:send_after(I rem 20, Me, tick) || I <- lists:seq(1, 200)],
    [receive tick -> ok end || _ <- lists:seq(1, 200)],
    {ok, Ls} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127,0,0,1}}]),
    {ok, No} = inet:port(Ls),
    spawn(fun() -> {ok, C} = gen_tcp:connect({127,0,0,1}, No, [binary]), gen_tcp:send(C, <<"over tcp">>), timer:sleep(infinity) end),
    {ok, A} = gen_tcp:accept(Ls),
    {ok, Data} = gen_tcp:recv(A, 8),
    io:format("~s~n", [Data]),
    ok = file:write_file("f", binary:copy(<<"x">>, 100000)),
    {ok, B} = file:read_file("f"),
    io:format("~p ~p~n", [byte_size(B), os:cmd("echo sh")]),
    halt(4).
ring(Next) -> receive X -> Next ! X + 1 end.
