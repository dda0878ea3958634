package lambdaemu

import "context"

// Repeatable returns r with its request id and trace header filled in: to invoke
// it twice is to retry one request. Lambda retries an asynchronous invocation
// whose function failed under the id it had, so START, END and REPORT, the
// extensions' INVOKE and the telemetry events of that id come again (AWS pages:
// invocation-async-error-handling, services-xray).
func (r Request) Repeatable() Request {
	if r.RequestID == "" {
		r.RequestID = newUUID()
	}
	if r.TraceHeader == "" {
		r.TraceHeader = newTrace("").upstream
	}
	return r
}

// InvokeAsync invokes req as an asynchronous caller's event: while the function
// fails it is tried again under the same request id, up to retries times, in the
// same sandbox unless the failure ended it. Lambda waits a minute before the
// first retry and two before the second, and makes two unless told otherwise;
// here there is no wait. It returns the outcome of every attempt, in order; the
// error is Invoke's.
func (e *Emulator) InvokeAsync(ctx context.Context, req Request, retries int) ([]Response, error) {
	req = req.Repeatable()
	var outcomes []Response
	for range retries + 1 {
		resp, err := e.Invoke(ctx, req)
		if err != nil {
			return outcomes, err
		}
		outcomes = append(outcomes, resp)
		if resp.FunctionError == "" {
			break
		}
	}
	return outcomes, nil
}
