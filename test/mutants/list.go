package main

// mutants is the list. A row is a mistake that somebody could make, in the
// product or in the local Lambda that judges it.
func mutants() []mutant {
	return []mutant{
		{"jmes: numbers compare as doubles", "internal/jmes/compare.go", "c = cmp.Compare(x.Digits, y.Digits)", "c = cmp.Compare(x.Digits[:min(15, len(x.Digits))], y.Digits[:min(15, len(y.Digits))])", "internal/jmes", "TestExact"},
		{"jmes: the first of two equal names counts", "internal/jmes/value.go", "list[at].Value = m.Value", "_ = m.Value", "internal/jmes", "TestExact|Vectors|Compliance"},
		{"flags: the last rule that matches decides", "internal/flags/flags.go", "if r := &f.rules[i]; r.matches(c, now) {", "if r := &f.rules[len(f.rules)-1-i]; r.matches(c, now) {", "internal/flags", "Vectors|Reasons"},
		{"flags: an END is not part of its minute", "internal/flags/schedule.go", "return from <= m && m <= to", "return from <= m && m < to", "internal/flags", "Vectors"},
		{"flags: what cannot be compared matches NOT_IN", "internal/flags/match.go", "return ok && found == want", "_ = ok\n\t\treturn found == want", "internal/flags", "Vectors"},
		{"schema: an error branch marks what it saw", "internal/schema/schema.go", "	if ok {\n		m.add(own)\n	}", "	m.add(own)", "internal/schema", "TestSuite"},
		{"schema: only the first failures are counted", "internal/schema/schema.go", "	r.total++\n	if len", "	r.total = min(r.total+1, MaxErrors)\n	if len", "internal/schema", "TestManyFailures"},
		{"schema: 1 and true are equal", "internal/schema/instance.go", "return strconv.AppendBool(b, in.truth)", "return append(b, map[bool]string{true: \"1e1\", false: \"0\"}[in.truth]...)", "internal/schema", "TestSuite"},
		{"idempotency: a record in progress never frees itself", "internal/idempotency/idempotency.go", "case old.InProgress != 0 && old.InProgress < now.UnixMilli():", "case false && old.InProgress != 0:", "internal/idempotency", "TestJudgements"},
		{"idempotency: an expired answer is replayed", "internal/idempotency/idempotency.go", "old.Expiration == 0, old.expired(now):", "old.Expiration == 0:", "internal/idempotency", "TestJudgements|TestModel"},
		{"idempotency: the payload is compared after the replay", "internal/idempotency/idempotency.go", "	case old.Validation != x.record.Validation:\n		return nil, different()\n	case old.NotStored", "	case false:\n		return nil, different()\n	case old.NotStored", "internal/idempotency", "TestJudgements"},
		{"idempotency: whoever was overtaken overwrites", "internal/idempotency/dynamostore/dynamostore.go", "return \"#status = :inprogress AND #owner = :owner\"", "return \"#status = :inprogress\"", "internal/idempotency/dynamostore", "TestVectors"},
		{"idempotency: the tenant is no part of the key", "internal/idempotency/key.go", "prefix += \".\" + req.Tenant", "_ = req.Tenant", "internal/idempotency", "TestBigNumbers"},
		{"lambdaemu: the runtime keeps nearly all of the shutdown", "lambdaemu/shutdown.go", "return budget * 3 / 10", "return budget * 9 / 10", "lambdaemu", "TestRuntimeShare"},
		{"lambdaemu: an identifier has one case", "lambdaemu/extensionsapi.go", "strings.EqualFold(a.id, id)", "a.id == id", "lambdaemu", "TestCallsByState"},
		{"lambdaemu: exit/error is refused before the first next", "lambdaemu/agents.go", "case agentRegistered, agentReady, agentRunning:", "case agentReady, agentRunning:", "lambdaemu", "TestCallsByState"},
		{"lambdaemu: an extension without INVOKE prolongs an invocation", "lambdaemu/invoke.go", "a.subscribed(eventInvoke) && a.state != agentReady", "a.state != agentReady", "lambdaemu", "TestWhoProlongsAnInvocation"},
		{"lambdaemu: lines of managed instances wait for no report", "lambdaemu/order.go", "if r == nil || !r.reportFirst {", "if r == nil || !r.reportFirst || true {", "lambdaemu", "TestOrder"},
		{"lambdaemu: a late answer beats the retry of its request", "lambdaemu/managed.go", "case inv == nil && slices.Contains(s.crowd.expired, id):", "case slices.Contains(s.crowd.expired, id):", "lambdaemu", "TestManagedRetry"},
		{"lambdaemu: a frame is cut at its first newline", "lambdaemu/internal/child/frame.go", "text, newline := strings.CutSuffix(string(body), \"\\n\")", "text, _, newline := strings.Cut(string(body), \"\\n\")", "lambdaemu/internal/child", "TestFrames"},
		{"lambdaemu: an OS-only runtime starts the wrapper", "lambdaemu/wrapper.go", "case s.opt.osOnly():", "case false:", "lambdaemu", "TestExecWrapper"},
		{"lambdaemu: a line after END is not counted", "lambdaemu/logorder.go", "case state == idEnded:", "case state > idEnded:", "lambdaemu", "TestLogOrder"},
		{"idempotency: an answer too large is run again", "internal/idempotency/idempotency.go", "if e.opt.Free {", "if e.opt.Free || why == \"too_large\" {", "internal/idempotency", "TestWhatCannotBeStored"},
		{"app: the heap may grow ten times as large", "internal/app/memory.go", "heapLimit     = 14 << 20", "heapLimit     = 140 << 20", "internal/app", "TestMemoryLimit"},
		{"app: connections are trusted after a long freeze", "internal/app/run.go", "const freezeGap = 5 * time.Second", "const freezeGap = 500 * time.Second", "internal/app", "TestConnectionsAfterAFreeze"},
		{"app: credentials of a snapshot are used", "internal/app/run.go", "	a.aws.Forget()\n", "", "internal/app", "TestCredentialsAfterARestore"},
		{"app: the last report is not waited for", "internal/app/shutdown.go", "drainBudget    = 100 * time.Millisecond", "drainBudget    = 5 * time.Millisecond", "internal/app", "TestReportAfterShutdownIsWaitedFor"},
		{"app: one invocation in ten is held for 500 ms", "internal/app/run.go", "pause, tries := nextPause, 0\n	for {", "pause, tries, turn := nextPause, 0, 0\n	for {\n		if turn++; turn%10 == 0 {\n			time.Sleep(500 * time.Millisecond)\n		}", "test/e2e", "TestHoldsNobody"},
		{"app: every invocation is held for 90 ms", "internal/app/run.go", "		ev, err := a.api.Next(ctx)", "		time.Sleep(90 * time.Millisecond)\n		ev, err := a.api.Next(ctx)", "test/e2e", "TestHoldsNobody"},
		{"sink: all sandboxes probe a receiver at once", "internal/sink/breaker.go", "spread      = 0.2", "spread      = 0.0", "internal/sink", "TestBreakersDoNotProbeTogether"},
	}
}
