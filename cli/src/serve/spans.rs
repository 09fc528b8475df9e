//! Spans of decisions, and of what plugins asked for them, to a collector of OpenTelemetry
//! (OTLP over HTTP).

mod context;
mod exporter;

use crate::{
    args::{Serve, endpoint},
    exit::{Exit, Problem},
};
use context::{extract, inject};
use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider, Span},
};
use rest_client_host::{
    Host,
    plugin::{FailureKind, Question, Questions},
    routing::{Decision, Protocol, Request},
};
use std::{
    env,
    time::{Duration, SystemTime},
};

/// Where a collector is, as OpenTelemetry has it (OTLP Exporter Configuration); the first
/// comes before the second.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// What this program is called there, unless a variable says otherwise.
const SERVICE: &str = "rest-client";

/// Bytes of a text of a request, of which thousands of spans may wait.
const LONGEST: usize = 256;

/// Who makes and sends them.
pub(super) struct Spans {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    plugin: String,
}

/// A decision that is being made. Dropped, it was given up.
pub(super) struct Deciding {
    span: Span,
    context: Context,
    tracer: SdkTracer,
    /// What the plugin asks for it.
    pub(super) questions: Questions,
}

impl Spans {
    /// Those that `serve`, or the environment, has a collector for.
    pub(super) fn start(serve: &Serve) -> Result<Option<Self>, Problem> {
        if serve.otlp_endpoint.is_none() {
            let mut set = ENDPOINTS
                .iter()
                .filter_map(|name| Some((name, env::var_os(name).filter(|it| !it.is_empty())?)));
            // That which is in force.
            let Some((name, value)) = set.next() else {
                return Ok(None);
            };
            endpoint(&value.to_string_lossy())
                .map_err(|what| Problem::new(Exit::Usage, format!("{name}: {what}")))?;
        }
        let host = Host::of(&serve.decider.sources.layers()?)?;
        let client = exporter::Client::new(host.instance());
        let mut exporter = SpanExporter::builder().with_http().with_http_client(client);
        if let Some(endpoint) = &serve.otlp_endpoint {
            exporter = exporter.with_endpoint(endpoint.to_string());
        }
        let exporter = exporter.build().map_err(|error| {
            let what = format!("spans can't be sent: {error}");
            Problem::new(Exit::Usage, what)
        })?;
        let resource = Resource::builder();
        let resource = match env::var_os("OTEL_SERVICE_NAME").is_some() {
            true => resource,
            false => resource.with_service_name(SERVICE),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Self {
            tracer: provider.tracer(SERVICE),
            provider,
            plugin: serve.decider.name(),
        }))
    }

    /// A decision begins. What the plugin asks about `request` belongs to its span from now
    /// on.
    pub(super) fn begin(&self, request: &mut Request) -> Deciding {
        let of_field = |name: &str| {
            let field = request.fields.iter().find(|(it, _)| it == name);
            field.map(|(_, value)| cut(&String::from_utf8_lossy(value)))
        };
        let mut attributes = vec![KeyValue::new("rest_client.request.id", request.id.clone())];
        let method = cut(&request.method);
        match request.protocol {
            Protocol::Sip => {
                attributes.push(KeyValue::new("sip.request.method", method));
                if let Some(call_id) = of_field("call-id") {
                    attributes.push(KeyValue::new("sip.call_id", call_id));
                }
            }
            Protocol::Http => {
                attributes.push(KeyValue::new("http.request.method", method));
            }
        }
        let deciding = self.start_span("decide", extract(&request.fields), attributes);
        inject(&deciding.context, &mut request.fields);
        deciding
    }

    /// A plugin begins to answer by itself.
    pub(super) fn begin_answer<B>(&self, request: &mut http::Request<B>) -> Deciding {
        let attributes = vec![KeyValue::new(
            "http.request.method",
            cut(request.method().as_str()),
        )];
        let mut fields: Vec<(String, Vec<u8>)> = context::of_headers(request.headers());
        let deciding = self.start_span("answer", extract(&fields), attributes);
        inject(&deciding.context, &mut fields);
        context::to_headers(&fields, request.headers_mut());
        deciding
    }

    fn start_span(&self, what: &str, parent: Context, mut attributes: Vec<KeyValue>) -> Deciding {
        attributes.push(KeyValue::new("rest_client.plugin", self.plugin.clone()));
        let span = self
            .tracer
            .span_builder(format!("{what} {}", self.plugin))
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent);
        Deciding {
            context: parent.with_remote_span_context(span.span_context().clone()),
            span,
            tracer: self.tracer.clone(),
            questions: Questions::default(),
        }
    }

    /// Sends what there is, for so long at most.
    pub(super) fn finish(&self, time: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(time) {
            tracing::warn!(%error, "not all spans could be sent at the end");
        }
    }
}

impl Deciding {
    /// It ends with a decision, or with how the plugin failed.
    pub(super) fn end(mut self, outcome: Result<&Decision, FailureKind>) {
        for question in self.questions.ended() {
            self.asked(&question);
        }
        match outcome {
            Ok(decision) => {
                let (kind, code) = match decision {
                    Decision::Continue(_) => ("continue", None),
                    Decision::Answer(answer) => ("answer", Some(answer.code)),
                    Decision::Redirect(redirect) => ("redirect", redirect.code),
                    Decision::Drop(_) => ("drop", None),
                };
                self.set("rest_client.decision", kind);
                if let Some(code) = code {
                    self.set("rest_client.decision.code", i64::from(code));
                }
            }
            Err(kind) => self.failed(kind),
        }
        self.span.end();
    }

    /// It ends with a reply of the plugin's own, or with how the plugin failed.
    pub(super) fn end_answer(mut self, outcome: Result<http::StatusCode, FailureKind>) {
        match outcome {
            Ok(status) => self.set("http.response.status_code", i64::from(status.as_u16())),
            Err(kind) => self.failed(kind),
        }
        self.span.end();
    }

    fn set(&mut self, name: &'static str, value: impl Into<opentelemetry::Value>) {
        self.span.set_attribute(KeyValue::new(name, value));
    }

    fn failed(&mut self, kind: FailureKind) {
        self.set("error.type", kind.as_str());
        self.span.set_status(Status::error(kind.as_str()));
    }

    /// The span of a question.
    fn asked(&self, question: &Question) {
        let host = cut(host(&question.url));
        let mut attributes = vec![
            KeyValue::new("http.request.method", question.method.clone()),
            KeyValue::new("server.address", host.clone()),
        ];
        let mut status = Status::Unset;
        match question.outcome {
            Some(Ok(code)) => {
                attributes.push(KeyValue::new("http.response.status_code", i64::from(code)));
            }
            Some(Err(kind)) => {
                attributes.push(KeyValue::new("error.type", kind.name()));
                status = Status::error(kind.name());
            }
            None => status = Status::error("given up"),
        }
        let mut span = self
            .tracer
            .span_builder(format!("{} {host}", question.method))
            .with_kind(SpanKind::Client)
            .with_start_time(question.began)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &self.context);
        span.set_status(status);
        let ended = question.began.checked_add(question.elapsed);
        span.end_with_timestamp(ended.unwrap_or_else(SystemTime::now));
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

/// Of a URL, which may be any text.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
