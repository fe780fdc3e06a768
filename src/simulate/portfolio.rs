//! The company as a portfolio.

use super::Company;
use crate::error::Result;
use crate::portfolio::{
    AnswerColumns, CancellationColumns, ContactColumns, LimitColumns, PaymentColumns, PlanColumns, Portfolio,
    ReadingColumns, SubscriptionColumns, TicketColumns,
};

impl Company {
    /// The portfolio of all that the company knows: its activity and every table. The truth is not in it.
    ///
    /// # Errors
    ///
    /// As [`activity`](Self::activity) and the frames.
    pub fn portfolio(&self) -> Result<Portfolio> {
        Portfolio::new(self.activity()?)?
            .contacts(&self.contacts()?, &ContactColumns::default())?
            .limits(&self.limits()?, &LimitColumns::new("account", "limit", "cap"))?
            .readings(&self.readings()?, &ReadingColumns::default())?
            .answers(&self.answers()?, &AnswerColumns::default())?
            .subscriptions(&self.subscriptions()?, &SubscriptionColumns::default())?
            .plans(&self.plans()?, &PlanColumns::default())?
            .tickets(&self.tickets()?, &TicketColumns::default())?
            .payments(&self.payments()?, &PaymentColumns::default())?
            .cancellations(&self.cancellations()?, &CancellationColumns::default())
    }
}
