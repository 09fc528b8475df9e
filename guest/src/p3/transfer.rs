//! One transfer over `wasi:http` 0.3.

use super::{
    admission::Place,
    bindings::{http::client, wit_future, wit_stream},
    call::Call,
    deadline::{Deadline, End},
    gathered::gathered,
    open_replies::OpenReply,
    outgoing::{self, address},
    reply::{Incoming, Sent},
    stop::Stop,
    to_wit,
    types::{self, Request as OutgoingRequest},
    wit,
};
use crate::{
    body::Body,
    config::Deadlines,
    error::{Partial, RestError},
    length::Length,
    redirect::Redirects,
    request::Request,
    response::{self, Response},
};
use std::rc::Rc;
use wit_bindgen::{StreamWriter, spawn_local};

/// A transfer whose reply has begun. Dropping it ends it.
pub(super) struct Transfer {
    head: Head,
    body: Incoming,
    context: Context,
    deadline: Deadline,
    place: Place,
}

struct Head {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
}

/// What a transfer is about, until its head is here and after that.
struct Context {
    /// The scheme and authority of the request that was sent last.
    origin: String,
    /// The method of the request that was sent last.
    method: String,
    /// Those of the request that was sent last.
    deadlines: Deadlines,
    end: End,
    /// The most bytes of the reply's body; 0 is no limit.
    limit: u64,
    redirects: Option<Redirects>,
}

impl Transfer {
    /// Waits for a place, sends the request, and waits for the head of a reply that is no
    /// redirect to follow.
    pub(super) async fn start(call: Call) -> Result<Self, RestError> {
        let request = call.request?;
        let mut deadline = Deadline::after(call.deadlines.transfer);
        let mut context = Context {
            origin: String::new(),
            method: String::new(),
            deadlines: call.deadlines,
            end: deadline.end(),
            limit: call.settings.max_transfer_size,
            redirects: Redirects::of(&request, call.max_redirects),
        };
        let begun = deadline.bound(async {
            let place = Place::take(&call.settings).await?;
            let (head, body) = place.run(context.head(request)).await?;
            Ok((place, head, body))
        });
        match begun.await.flatten() {
            Ok((place, head, body)) => Ok(Self {
                head,
                body,
                context,
                deadline,
                place,
            }),
            Err(stop) => Err(context.explain(stop, Partial::default())),
        }
    }

    /// Waits for the whole reply.
    pub(super) async fn finish(self) -> Result<Response, RestError> {
        let Self {
            head: Head { status, headers },
            mut body,
            context,
            mut deadline,
            place,
        } = self;
        let mut bytes = Body::new(&context.method, status, &headers, context.limit)?;
        let read = deadline.bound(place.run(async {
            while let Some(chunk) = body.next(context.end).await? {
                bytes.push(chunk)?;
            }
            body.finish().await
        }));
        let read = read.await.flatten();
        gathered(status, headers, bytes, read, |stop, partial| {
            context.explain(stop, partial)
        })
    }

    /// The reply with its body unread, which goes on to arrive. In a blocking manner, it is
    /// waited for: whoever reads it may first wait for one that is held up.
    ///
    /// # Errors
    ///
    /// It is announced as too large.
    pub(super) async fn hand_out(self) -> Result<OpenReply, RestError> {
        if self.place.blocks() {
            return self.finish().await.map(whole);
        }
        let Self {
            head: Head { status, headers },
            body,
            context,
            deadline,
            place,
        } = self;
        let length = Length::of(&context.method, status, &headers, context.limit)?;
        let (to, stream) = wit_stream::new();
        let (done, end) = wit_future::new(|| {
            Err(wit::RestError::Internal(
                "the component was ended before the body".into(),
            ))
        });
        let content_type = response::content_type(&headers);
        spawn_local(async move {
            let passed_on = pass_on(body, to, length, &context, deadline, place).await;
            let passed_on = passed_on.map_err(|stop| {
                let partial = Partial {
                    status,
                    ..Partial::default()
                };
                to_wit::error(context.explain(stop, partial))
            });
            // Nobody may want to know.
            let _ = done.write(passed_on).await;
        });
        Ok(OpenReply {
            status,
            content_type,
            headers,
            body: stream,
            end,
        })
    }
}

/// A reply whose body is here.
fn whole(reply: Response) -> OpenReply {
    let (mut to, stream) = wit_stream::new();
    let (done, end) = wit_future::new(|| Ok(()));
    spawn_local(async move {
        to.write_all(reply.body).await;
        drop((to, done));
    });
    OpenReply {
        status: reply.status,
        content_type: response::content_type(&reply.headers),
        headers: reply.headers,
        body: stream,
        end,
    }
}

/// Passes the body on to its reader, within its length.
async fn pass_on(
    mut body: Incoming,
    mut to: StreamWriter<u8>,
    mut length: Length,
    context: &Context,
    mut deadline: Deadline,
    place: Place,
) -> Result<(), Stop> {
    let passed_on = deadline.bound(place.run(async {
        while let Some(bytes) = body.next(context.end).await? {
            length.add(bytes.len())?;
            if !to.write_all(bytes).await.is_empty() {
                // Its reader has gone, and asks for no more.
                return Ok(());
            }
        }
        body.finish().await?;
        match length.is_cut() {
            true => Err(types::ErrorCode::HttpResponseIncomplete.into()),
            false => Ok(()),
        }
    }));
    passed_on.await.flatten()
}

impl Context {
    /// Sends the request, and what redirects lead to.
    async fn head(&mut self, mut request: Request) -> Result<(Head, Incoming), Stop> {
        loop {
            let (reply, sent) = self.send(request).await?;
            let head = Head {
                status: reply.get_status_code(),
                headers: reply.get_headers().copy_all(),
            };
            let next = match &mut self.redirects {
                Some(redirects) => redirects.follow(head.status, &head.headers)?,
                None => None,
            };
            match next {
                Some(next) => {
                    // The call has less time left.
                    self.deadlines = self.deadlines.within(self.end.left());
                    request = next;
                }
                None => return Ok((head, Incoming::of(reply, sent))),
            }
        }
    }

    async fn send(&mut self, request: Request) -> Result<(types::Response, Sent), Stop> {
        self.origin = request.target.origin();
        self.method.clone_from(&request.method);
        let fields = outgoing::fields(&request)?;
        let (_, trailers) = wit_future::new(|| Ok(None));
        let options = outgoing::options(self.deadlines);
        let (body, contents) = match &request.body {
            Some(_) => {
                let (body, contents) = wit_stream::new();
                (Some(body), Some(contents))
            }
            None => (None, None),
        };
        let (outgoing, sent) = OutgoingRequest::new(fields, contents, trailers, options);
        address(&outgoing, &request)?;
        if let (Some(mut to), Some(bytes)) = (body, request.body) {
            // Beside the transfer: a server may reply before it has read everything. Where
            // the transfer ends, so does the reader of this, but in a host that is slow to
            // see it.
            let mut deadline = Deadline::at(self.end);
            spawn_local(async move {
                let written = to.write_all(Rc::unwrap_or_clone(bytes));
                let _ = deadline.bound(written).await;
            });
        }
        Ok((client::send(outgoing).await?, sent))
    }

    fn explain(&self, stop: Stop, partial: Partial) -> RestError {
        stop.explain(&self.origin, self.deadlines, self.limit, partial)
    }
}
