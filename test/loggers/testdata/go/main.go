// Command loggers is a function on the Runtime API that logs one error and one
// plain line with the logger that the event names, each as its documentation
// shows it first.
//
// It is a module of its own, for the sake of the extension's dependencies.
package main

import (
	"encoding/json"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"

	charm "github.com/charmbracelet/log"
	"github.com/hashicorp/go-hclog"
	"github.com/rs/zerolog"
	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
	"k8s.io/klog/v2"
)

const (
	failed   = "charge failed"
	accepted = "order accepted"
)

// loggers log the two lines; id is the request's.
func loggers() map[string]func(id string) {
	return map[string]func(id string){
		"slog": func(id string) {
			l := slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("requestId", id)
			l.Error(failed)
			l.Info(accepted)
		},
		"slog text": func(string) {
			l := slog.New(slog.NewTextHandler(os.Stdout, nil))
			l.Error(failed)
			l.Info(accepted)
		},
		"slog default": func(string) {
			slog.Error(failed)
			slog.Info(accepted)
		},
		"zap": func(id string) {
			l, err := zap.NewProduction()
			if err != nil {
				log.Fatal(err)
			}
			l = l.With(zap.String("requestId", id))
			l.Error(failed)
			l.Info(accepted)
		},
		"zap development": func(string) {
			l, err := zap.NewDevelopment()
			if err != nil {
				log.Fatal(err)
			}
			l.Error(failed)
			l.Info(accepted)
		},
		"zerolog": func(id string) {
			l := zerolog.New(os.Stdout).With().Timestamp().Str("requestId", id).Logger()
			l.Error().Msg(failed)
			l.Info().Msg(accepted)
		},
		"zerolog console": func(string) {
			l := zerolog.New(zerolog.ConsoleWriter{Out: os.Stdout}).With().Timestamp().Logger()
			l.Error().Msg(failed)
			l.Info().Msg(accepted)
		},
		"logrus": func(string) {
			logrus.Error(failed)
			logrus.Info(accepted)
		},
		"logrus json": func(id string) {
			l := logrus.New()
			l.SetFormatter(&logrus.JSONFormatter{})
			l.WithField("requestId", id).Error(failed)
			l.WithField("requestId", id).Info(accepted)
		},
		"klog": func(string) {
			klog.Error(failed)
			klog.Info(accepted)
			klog.Flush()
		},
		"hclog": func(string) {
			l := hclog.New(&hclog.LoggerOptions{Name: "orders"})
			l.Error(failed)
			l.Info(accepted)
		},
		"hclog json": func(id string) {
			l := hclog.New(&hclog.LoggerOptions{Name: "orders", JSONFormat: true}).With("requestId", id)
			l.Error(failed)
			l.Info(accepted)
		},
		"charm": func(string) {
			l := charm.NewWithOptions(os.Stderr, charm.Options{ReportTimestamp: true})
			l.Error(failed)
			l.Info(accepted)
		},
	}
}

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		res, err := http.Get(base + "next")
		if err != nil {
			log.Fatal(err)
		}
		var event struct{ Logger string }
		err = json.NewDecoder(res.Body).Decode(&event)
		_ = res.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		id := res.Header.Get("Lambda-Runtime-Aws-Request-Id")
		loggers()[event.Logger](id)
		res, err = http.Post(base+id+"/response", "application/json", strings.NewReader("{}"))
		if err != nil {
			log.Fatal(err)
		}
		_ = res.Body.Close()
	}
}
